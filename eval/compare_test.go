package eval

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/score"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// models are the llama case and the same with larger steps in its last norm: a reference and a candidate near it.
func models(t *testing.T) (reference, candidate *infer.Model) {
	t.Helper()
	k := checkpointtest.Load(t, "llama")
	raws := k.Raws()
	for _, r := range raws {
		if r.Name == "model.norm.weight" {
			for i := 0; i < len(r.Data); i += 2 {
				binary.LittleEndian.PutUint16(r.Data[i:], binary.LittleEndian.Uint16(r.Data[i:])+uint16(i/2%5))
			}
		}
	}
	dir := t.TempDir()
	checkpointtest.WriteFile(t, dir, "config.json", k.Config)
	checkpointtest.WriteFile(t, dir, "model.safetensors", checkpointtest.Safetensors(t, raws))
	return load(t, k.Folder(t)), load(t, dir)
}

func load(t *testing.T, path string) *infer.Model {
	t.Helper()
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	m, err := infer.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func randomWindows(n, length int) [][]int32 {
	rng := rand.New(rand.NewPCG(5, 6))
	windows := make([][]int32, n)
	for i := range windows {
		for range length {
			windows[i] = append(windows[i], rng.Int32N(1024))
		}
	}
	return windows
}

// compare collects the scores of every window: [window][model].
func compare(t *testing.T, reference, candidate *infer.Model, windows [][]int32, o Options) [][]score.Window {
	t.Helper()
	pool := infer.NewPool(2)
	defer pool.Close()
	var out [][]score.Window
	o.Scored = func(window int, scores []score.Window) error {
		if window != len(out) && o.Done == nil {
			t.Errorf("window %d came as number %d", window, len(out))
		}
		out = append(out, scores)
		return nil
	}
	if err := Compare(t.Context(), pool, reference, []*infer.Model{candidate}, windows, o); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCompareIsTheDefinition computes every sum again, from whole rows of logits in float64: the token after position i
// is scored for i from context/2 to context-2, as llama-perplexity does.
func TestCompareIsTheDefinition(t *testing.T) {
	reference, candidate := models(t)
	for _, length := range []int{4, 5, 32, 33} {
		windows := randomWindows(3, length)
		for w, scores := range compare(t, reference, candidate, windows, Options{}) {
			logP, logQ := logProbabilities(t, reference, windows[w]), logProbabilities(t, candidate, windows[w])
			var want score.Window
			for i := length / 2; i <= length-2; i++ {
				p, q, next := logP[i], logQ[i], windows[w][i+1]
				s := score.Token{NLL: -q[next], RefNLL: -p[next], SameTop: top(p) == top(q)}
				for v := range p {
					s.KLD += math.Exp(p[v]) * (p[v] - q[v])
					s.Entropy -= math.Exp(q[v]) * q[v]
					s.RefEntropy -= math.Exp(p[v]) * p[v]
				}
				s.Confidence = math.Exp(p[top(p)])
				want.Add(s)
			}
			got := scores[1]
			for b := range got.Buckets {
				if got.Buckets[b].Tokens != want.Buckets[b].Tokens || !(math.Abs(got.Buckets[b].KLD-want.Buckets[b].KLD) <= 2e-4*want.KLD) {
					t.Errorf("length %d, window %d: bucket %d is %v, want %v", length, w, b, got.Buckets[b], want.Buckets[b])
				}
			}
			if got.Tokens != length-1-length/2 || got.Tokens != want.Tokens || got.SameTop != want.SameTop {
				t.Errorf("length %d, window %d: %d tokens, %d with the same top; want %d and %d", length, w, got.Tokens, got.SameTop, want.Tokens, want.SameTop)
			}
			for _, c := range []struct {
				what      string
				got, want float64
			}{
				{"NLL", got.NLL, want.NLL}, {"NLL2", got.NLL2, want.NLL2}, {"RefNLL", got.RefNLL, want.RefNLL}, {"CrossNLL", got.CrossNLL, want.CrossNLL},
				{"KLD", got.KLD, want.KLD}, {"KLD2", got.KLD2, want.KLD2}, {"KLDMax", got.KLDMax, want.KLDMax}, {"DeltaP2", got.DeltaP2, want.DeltaP2},
				{"entropy", got.Entropy, want.Entropy}, {"entropy of the reference", got.RefEntropy, want.RefEntropy},
				{"entropy of the reference, its own", scores[0].Entropy, want.RefEntropy},
				{"NLL of the reference", scores[0].NLL, want.RefNLL}, {"KLD of the reference", scores[0].KLD, 0},
			} {
				if !(math.Abs(c.got-c.want) <= 2e-4*math.Abs(c.want)) { // rounding of exp in float32, against a KLD of 3e-4
					t.Errorf("length %d, window %d: %s is %v, want %v", length, w, c.what, c.got, c.want)
				}
			}
			if !(want.KLD > 0) {
				t.Error("the models do not differ: nothing was tested")
			}
		}
	}
}

// logProbabilities are ln softmax of the logits after every token, in float64.
func logProbabilities(t *testing.T, m *infer.Model, tokens []int32) [][]float64 {
	t.Helper()
	pool := infer.NewPool(1)
	defer pool.Close()
	logits, err := infer.NewRunner(pool, infer.Options{}).Forward(m, []infer.Sequence{{Tokens: tokens}})
	if err != nil {
		t.Fatal(err)
	}
	vocab := m.Config.Vocab
	rows := make([][]float64, len(tokens))
	for i := range rows {
		sum := 0.0
		for _, v := range logits[i*vocab : (i+1)*vocab] {
			sum += math.Exp(float64(v))
		}
		for _, v := range logits[i*vocab : (i+1)*vocab] {
			rows[i] = append(rows[i], float64(v)-math.Log(sum))
		}
	}
	return rows
}

func top(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// TestSittingsAndBlocksDoNotMatter: small blocks of logits, and a sitting that leaves out what an earlier one did, give
// the scores of an undisturbed run to the bit, when a window has more scored tokens than the eight that are multiplied
// in another way than many.
func TestSittingsAndBlocksDoNotMatter(t *testing.T) {
	reference, candidate := models(t)
	windows := randomWindows(6, 32)
	want := compare(t, reference, candidate, windows, Options{})
	for _, limit := range []int{1, 45 * 1024, 89 * 1024} { // 90 tokens in blocks of 30 and 45
		if got := compare(t, reference, candidate, windows, Options{MaxLogits: limit}); !reflect.DeepEqual(got, want) {
			t.Errorf("blocks of %d logits change the figures", limit)
		}
	}
	long := randomWindows(6, batchTokens/2)
	want = compare(t, reference, candidate, long, Options{})
	late := compare(t, reference, candidate, long, Options{Done: func(w int) bool { return w < 3 }})
	if !reflect.DeepEqual(late, want[2:]) { // window 2 shares its batch with window 3
		t.Errorf("%d windows after resuming, and others than in one sitting", len(late))
	}
}

func TestRefusedWindows(t *testing.T) {
	reference, candidate := models(t)
	pool := infer.NewPool(1)
	defer pool.Close()
	for says, windows := range map[string][][]int32{
		"at least 4":                    {{1, 2, 3, 4}, {1, 2, 3}},
		"window 0 ends with token 1024": {{1, 2, 3, 1024}},
		"outside the vocabulary":        {{1, 1024, 3, 4}},
	} {
		if err := Compare(t.Context(), pool, reference, []*infer.Model{candidate}, windows, Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", windows, err, says)
		}
	}
}

// TestKept: with the reference's states of an earlier comparison the scores are the same to the bit, in batches of other
// windows too, and the reference does not run.
func TestKept(t *testing.T) {
	reference, candidate := models(t)
	windows := randomWindows(40, 64)
	want := compare(t, reference, candidate, windows, Options{})
	kept := Kept{Most: 31 * 30 * reference.Config.Width}
	order := []int{5, 39, 0, 2, 1, 30, 31, 32, 33, 34, 35, 36, 37, 38, 20, 21, 22, 23, 24, 25}
	for range 2 {
		var some [][]int32
		for _, w := range order {
			some = append(some, windows[w])
		}
		got := compare(t, reference, candidate, some, Options{Kept: &kept, Numbers: order})
		for i, w := range order {
			if !reflect.DeepEqual(got[i], want[w]) {
				t.Errorf("window %d scores otherwise in another batch", w)
			}
		}
	}
	if !reflect.DeepEqual(compare(t, reference, candidate, windows, Options{Kept: &kept}), want) {
		t.Error("states that are kept in part change scores")
	}
	if len(kept.states) != 30 || kept.Most >= 31*reference.Config.Width {
		t.Errorf("%d windows are kept, and there is room for %d values", len(kept.states), kept.Most)
	}
	clear(kept.states[0])
	if reflect.DeepEqual(compare(t, reference, candidate, windows[:1], Options{Kept: &kept})[0], want[0]) {
		t.Error("the reference runs although its states are kept")
	}
}
