package oracle

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

// underRace is set in builds with -race. Those check pointers too, and gomlx's small products die of it. To look for
// races all the same: BITMILL_ORACLE_RACE=1 go test -race -gcflags=all=-d=checkptr=0 ./calibrate/oracle
var underRace bool

// open makes the named case's checkpoint and its oracle.
func open(t testing.TB, name string, o Options) (*checkpointtest.Case, *Oracle) {
	t.Helper()
	c := checkpointtest.Load(t, name)
	return c, openPath(t, c.Folder(t), o)
}

func openPath(t testing.TB, path string, o Options) *Oracle {
	t.Helper()
	if underRace && os.Getenv("BITMILL_ORACLE_RACE") == "" {
		t.Skip("gomlx fails the pointer checks of -race")
	}
	oracle, err := New(openCheckpoint(t, path), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(oracle.Close)
	return oracle
}

func openCheckpoint(t testing.TB, path string) *checkpoint.Checkpoint {
	t.Helper()
	k, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func logitsOf(t testing.TB, oracle *Oracle, tokens []int32) [][]float32 {
	t.Helper()
	logits, err := oracle.Logits(context.Background(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	if len(logits) != len(tokens) {
		t.Fatalf("%d rows for %d tokens", len(logits), len(tokens))
	}
	return logits
}

// sample takes the positions and columns that the case keeps.
func sample(c *checkpointtest.Case, logits [][]float32) [][]float32 {
	s := make([][]float32, len(c.Positions))
	for i, p := range c.Positions {
		for _, col := range c.Columns {
			s[i] = append(s[i], logits[p][col])
		}
	}
	return s
}

func logSumExp(x []float32) float64 {
	top := float64(x[argmax(x)])
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top
}

// supported are the cases whose architecture the oracle knows.
var supported = []string{"llama", "llama3-rope", "llama-bias", "llama-narrow", "mistral", "mistral-old",
	"qwen2", "qwen2-window", "qwen3", "internlm3", "smolvlm"}

// transformers' float32 logits are the reference: two correct float32 forward passes differ by 1e-6 to 3e-6.
func TestLogitsAgreeWithTransformers(t *testing.T) {
	for _, name := range supported {
		t.Run(name, func(t *testing.T) {
			c, oracle := open(t, name, Options{})
			logits := logitsOf(t, oracle, c.Tokens)
			relRMS, _ := Compare(c.Logits, sample(c, logits))
			t.Logf("relative RMS error %.2g", relRMS)
			if !(relRMS < 1e-5) {
				t.Errorf("relative RMS error %g, want below 1e-5", relRMS)
			}
			for p, want := range c.Argmax {
				if got := argmax(logits[p]); got != want {
					t.Errorf("position %d: argmax %d, want %d", p, got, want)
				}
				if got := logSumExp(logits[p]); !(math.Abs(got-c.LogSumExp[p]) < 1e-4) {
					t.Errorf("position %d: logsumexp %g, want %g", p, got, c.LogSumExp[p])
				}
			}
		})
	}
}

// A check against a reference is worth as much as it detects: every wrong part of the configuration must show.
func TestEveryPartOfTheConfigurationMatters(t *testing.T) {
	for _, w := range []struct {
		name, part string
		change     func(k *arch.Config)
	}{
		{"llama", "pairs of RoPE", func(k *arch.Config) { k.Rope.Interleaved = false }},
		{"qwen3", "pairs of RoPE", func(k *arch.Config) { k.Rope.Interleaved = true }},
		{"llama", "base of RoPE", func(k *arch.Config) { k.Rope.Base *= 1.01 }},
		{"llama", "rotated part of a head", func(k *arch.Config) { k.Rope.Dims -= 2 }},
		{"llama", "epsilon of the norm", func(k *arch.Config) { k.NormEps *= 1000 }},
		{"llama", "linear RoPE scaling", func(k *arch.Config) { k.Rope.Scaling, k.Rope.Factor = "linear", 1.01 }},
		{"llama3-rope", "llama3 RoPE scaling", func(k *arch.Config) { k.Rope.Scaling, k.Rope.Factors = "", nil }},
		{"mistral", "sliding window", func(k *arch.Config) { k.Window = 0 }},
		{"mistral", "width of the window", func(k *arch.Config) { k.Window++ }},
		{"mistral", "layers with the window", func(k *arch.Config) { k.WindowLayers = []bool{true, false} }},
	} {
		t.Run(w.name+"/"+w.part, func(t *testing.T) {
			c, oracle := open(t, w.name, Options{})
			w.change(&oracle.model.config)
			relRMS, _ := Compare(c.Logits, sample(c, logitsOf(t, oracle, c.Tokens)))
			if !(relRMS > 1e-4) {
				t.Errorf("relative RMS error %g with a wrong %s", relRMS, w.part)
			}
		})
	}
}

// A window's logits do not depend on what follows, nor on the windows before it.
func TestWindowsOfAnyLength(t *testing.T) {
	c, oracle := open(t, "mistral", Options{})
	all := logitsOf(t, oracle, c.Tokens)
	for _, n := range []int{1, 17, 5} {
		if relRMS, _ := Compare(all[:n], logitsOf(t, oracle, c.Tokens[:n])); !(relRMS < 1e-5) {
			t.Errorf("the first %d tokens alone: relative RMS error %g", n, relRMS)
		}
	}
	if got := logitsOf(t, oracle, nil); len(got) != 0 {
		t.Errorf("no tokens: %d rows", len(got))
	}
}

// The output matrix goes through in slabs, the last one shorter; gomlx sums small products in another order.
func TestOutputInSlabs(t *testing.T) {
	c, oracle := open(t, "llama", Options{})
	want := logitsOf(t, oracle, c.Tokens)
	oracle.model.slab = 300
	if relRMS, _ := Compare(want, logitsOf(t, oracle, c.Tokens)); !(relRMS < 1e-6) {
		t.Errorf("slabs of 300 rows: relative RMS difference %g", relRMS)
	}
}

func TestSameBitsForAnyThreadsAndConcurrentCalls(t *testing.T) {
	c, oracle := open(t, "qwen3", Options{})
	want := logitsOf(t, oracle, c.Tokens)
	for _, threads := range []int{1, 3} {
		_, other := open(t, "qwen3", Options{Threads: threads})
		if relRMS, _ := Compare(want, logitsOf(t, other, c.Tokens)); relRMS != 0 {
			t.Errorf("%d threads: relative RMS difference %g", threads, relRMS)
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got, err := oracle.Logits(context.Background(), c.Tokens)
			if err != nil {
				t.Error(err)
			} else if relRMS, _ := Compare(want, got); relRMS != 0 {
				t.Errorf("concurrent call: relative RMS difference %g", relRMS)
			}
		})
	}
	wg.Wait()
}

// gomlx prints when its own option for threads is used; --json needs a silent standard output.
func TestNothingOnStandardOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	func() {
		defer func() { os.Stdout = stdout; w.Close() }()
		c, oracle := open(t, "llama", Options{Threads: 2})
		logitsOf(t, oracle, c.Tokens[:4])
	}()
	printed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(printed) != 0 {
		t.Errorf("printed %q", printed)
	}
}

func TestErrors(t *testing.T) {
	c, oracle := open(t, "llama", Options{})
	ctx := context.Background()
	for _, tokens := range [][]int32{{1, -1}, {1024}} {
		if _, err := oracle.Logits(ctx, tokens); err == nil {
			t.Errorf("tokens %v were accepted", tokens)
		}
	}
	if _, err := oracle.Logits(ctx, make([]int32, 1<<16)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("65536 tokens: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := oracle.Logits(canceled, c.Tokens); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	logitsOf(t, oracle, c.Tokens) // none of these has broken it
	oracle.Close()
	oracle.Close()
	if _, err := oracle.Logits(ctx, c.Tokens); err == nil {
		t.Error("used after Close")
	}
	if _, err := New(openCheckpoint(t, c.Folder(t)), Options{MaxBytes: 1 << 20}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("limit of 1 MiB: %v", err)
	}
	if err := guard("testing", func() error { panic("no such axis") }); err == nil {
		t.Error("a panic was not turned into an error")
	}
}

// No case of another architecture may give logits: they would be wrong.
func TestOtherArchitecturesAreRefused(t *testing.T) {
	for _, name := range checkpointtest.Names() {
		if slices.Contains(supported, name) {
			continue
		}
		k, err := checkpoint.Open(checkpointtest.Load(t, name).Folder(t))
		if err == nil {
			defer k.Close()
			_, err = New(k, Options{})
		}
		if !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s: %v, want an error that it is not supported", name, err)
		}
	}
}

func BenchmarkLogits(b *testing.B) {
	c, oracle := open(b, "llama", Options{})
	logitsOf(b, oracle, c.Tokens)
	for b.Loop() {
		logitsOf(b, oracle, c.Tokens)
	}
}
