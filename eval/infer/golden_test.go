package infer

import (
	"math"
	"strings"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// architectures are the cases, whose logits were computed by transformers in float32 (see checkpointtest).
var architectures = checkpointtest.Names()

func open(t testing.TB, c *checkpointtest.Case) *Model {
	t.Helper()
	ck, err := checkpoint.Open(c.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ck.Close() })
	m, err := Load(ck)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func forward(t testing.TB, m *Model, o Options, threads int, seqs ...Sequence) []float32 {
	t.Helper()
	pool := NewPool(threads)
	defer pool.Close()
	logits, err := NewRunner(pool, o).Forward(m, seqs)
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

// TestLogitsAgreeWithTransformers holds every architecture, on every kernel set, to a relative RMS error of 1e-4.
func TestLogitsAgreeWithTransformers(t *testing.T) {
	for _, name := range architectures {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		for _, set := range kernel.Available() {
			t.Run(name+"/"+set.Name, func(t *testing.T) {
				logits := forward(t, m, Options{Kernel: set}, 2, Sequence{Tokens: c.Tokens})
				vocab := m.Config.Vocab
				var diff, ref float64
				for i, p := range c.Positions {
					for j, col := range c.Columns {
						want, got := float64(c.Logits[i][j]), float64(logits[p*vocab+col])
						diff += (want - got) * (want - got)
						ref += want * want
					}
				}
				if e := math.Sqrt(diff / ref); !(e < 1e-4) {
					t.Errorf("relative RMS error %.2e", e)
				} else {
					t.Logf("relative RMS error %.2e", e)
				}
				for p, want := range c.Argmax {
					row := logits[p*vocab : (p+1)*vocab]
					best := 0
					for i, v := range row {
						if v > row[best] {
							best = i
						}
					}
					if best != want {
						t.Errorf("position %d: argmax %d, want %d", p, best, want)
					}
					if lse := set.LogSumExp(row); math.Abs(lse-c.LogSumExp[p]) > 1e-4*slack(name) {
						t.Errorf("position %d: log-sum-exp %v, want %v", p, lse, c.LogSumExp[p])
					}
				}
			})
		}
	}
}

// slack is how much more than others a case amplifies rounding. Gemma 4's scores are not scaled: transformers' own
// logits in float32 are 1.3e-5 off those in float64. Nanbeige's layers run twice.
func slack(name string) float64 {
	switch {
	case strings.HasPrefix(name, "gemma4"):
		return 12
	case strings.HasPrefix(name, "nanbeige"):
		return 2
	}
	return 1
}

// TestShortcutsDoNotChangeLogits runs the same tokens in other ways: in pieces through a cache, after another sequence,
// for the last rows only, observed, with other numbers of threads.
func TestShortcutsDoNotChangeLogits(t *testing.T) {
	for _, name := range []string{"llama", "mistral", "qwen3", "gemma2", "gemma3", "phi3", "olmo2", "mixtral", "gpt-oss",
		"starcoder2", "qwen2-moe", "deepseek-v3", "afmoe", "lfm2", "lfm2-moe", "gemma4", "gemma4-moe", "gemma3n",
		"qwen3-5", "qwen3-next", "hunyuan", "cohere2", "olmo3", "apertus", "nanbeige"} {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		want := forward(t, m, Options{}, 1, Sequence{Tokens: c.Tokens})
		vocab := m.Config.Vocab
		last := want[len(want)-10*vocab:]
		tolerance := 0.0
		if m.Config.Experts != nil { // an expert with few tokens adds up in another order
			tolerance = 1e-5 * slack(name)
		}

		near(t, name+", three threads", forward(t, m, Options{}, 3, Sequence{Tokens: c.Tokens}), want, 0)
		lastTen := Sequence{Tokens: c.Tokens, LogitsFrom: len(c.Tokens) - 10}
		near(t, name+", last ten rows", forward(t, m, Options{}, 2, lastTen), last, tolerance)
		two := forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens[5:25], LogitsFrom: 19}, lastTen)
		near(t, name+", second of two sequences", two[vocab:], last, tolerance)
		seen := 0
		watched := forward(t, m, Options{Observe: func(*Linear, []float32, int) { seen++ }}, 2, lastTen)
		near(t, name+", observed", watched, last, 0)
		products := 1
		m.each(func(w *Linear) {
			if !w.later {
				products += m.loops()
			}
		})
		if seen != products && m.Config.Experts == nil || seen > products {
			t.Errorf("%s: %d products observed, want %d", name, seen, products)
		}

		pool := NewPool(2)
		r := NewRunner(pool, Options{})
		cache := m.NewCache(len(c.Tokens))
		var pieces []float32
		for at := 0; at < len(c.Tokens); {
			n := min(at%7+1, len(c.Tokens)-at)
			logits, err := r.Forward(m, []Sequence{{Tokens: c.Tokens[at : at+n], Cache: cache}})
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, logits...)
			at += n
		}
		if e := relativeRMS(pieces, want); !(e <= 4e-6*slack(name)) { // few tokens are added up in another order
			t.Errorf("%s, piecewise: differs by %.1e", name, e)
		}
		if _, err := r.Forward(m, []Sequence{{Tokens: c.Tokens[:1], Cache: cache}}); err == nil {
			t.Errorf("%s: a full cache took another token", name)
		}
		if _, err := r.Forward(m, []Sequence{{Tokens: []int32{int32(vocab)}}}); err == nil {
			t.Errorf("%s: a token outside the vocabulary was accepted", name)
		}
		pool.Close()
	}
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d logits, want %d", what, len(got), len(want))
	}
	worst := 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	if !(worst <= tolerance) { // NaN too
		t.Errorf("%s: differs by %g", what, worst)
	}
}
