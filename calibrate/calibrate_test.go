package calibrate

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"bitmill/eval"
	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
	"bitmill/formats/imatrix"
)

// loadDemo opens the smaller demo model and cuts the calibration text for it.
func loadDemo(t *testing.T, limit int) (*infer.Model, [][]int32) {
	t.Helper()
	dir := t.TempDir()
	files, err := demo.Models()[0].Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	m, err := infer.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	windows, err := eval.Windows(c.Tokenizer, demo.Calibration, 512, limit)
	if err != nil {
		t.Fatal(err)
	}
	return m, windows
}

func run(t *testing.T, m *infer.Model, windows [][]int32, threads int, o Options) *imatrix.Matrix {
	t.Helper()
	pool := infer.NewPool(threads)
	defer pool.Close()
	out, err := Run(context.Background(), pool, m, windows, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func encode(t *testing.T, m *imatrix.Matrix) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAgreesWithLlamaImatrix compares with llama-imatrix's file over the same text (cli/testdata/peer/README.md). The
// peer rounds activations to BF16 before a product with BF16 weights, so sums differ by a few parts in a thousand.
func TestAgreesWithLlamaImatrix(t *testing.T) {
	want, err := imatrix.Open("testdata/demo-s.imatrix.gguf")
	if err != nil {
		t.Fatal(err)
	}
	m, windows := loadDemo(t, 0)
	got := run(t, m, windows, 2, Options{Dataset: "calibration.txt"})
	if got.Windows != want.Windows || got.WindowSize != want.WindowSize || len(got.Entries) != len(want.Entries) {
		t.Fatalf("%d entries over %d windows of %d, want %d over %d of %d",
			len(got.Entries), got.Windows, got.WindowSize, len(want.Entries), want.Windows, want.WindowSize)
	}
	for i, w := range want.Entries {
		g := got.Entries[i]
		if g.Name != w.Name || g.Counts[0] != w.Counts[0] {
			t.Fatalf("entry %d is %s with count %v, want %s with %v", i, g.Name, g.Counts, w.Name, w.Counts)
		}
		for j := range w.SumSquares {
			if r := math.Abs(float64(g.SumSquares[j]/w.SumSquares[j]) - 1); !(r < 0.005) {
				t.Errorf("%s column %d: %g, llama-imatrix has %g", w.Name, j, g.SumSquares[j], w.SumSquares[j])
			}
		}
	}
}

// TestSumsDoNotDependOnHowTheyAreMade: with one thread or three, in one run or resumed after every batch.
func TestSumsDoNotDependOnHowTheyAreMade(t *testing.T) {
	m, windows := loadDemo(t, 10)
	want := encode(t, run(t, m, windows, 1, Options{Dataset: "d"}))
	if got := encode(t, run(t, m, windows, 3, Options{Dataset: "d"})); !bytes.Equal(got, want) {
		t.Error("three threads give another matrix than one")
	}
	perBatch := infer.BatchTokens / 512
	for done := perBatch; done < len(windows); done += perBatch {
		saved, err := imatrix.Parse("saved", encode(t, run(t, m, windows[:done], 2, Options{Dataset: "d"})))
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(t, run(t, m, windows, 2, Options{Dataset: "d", Resume: saved})); !bytes.Equal(got, want) {
			t.Errorf("resumed after %d windows the matrix differs", done)
		}
	}
}

func TestInterruptedAndImpossible(t *testing.T) {
	m, windows := loadDemo(t, 2)
	pool := infer.NewPool(1)
	defer pool.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, pool, m, windows, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Run(context.Background(), pool, m, nil, Options{}); err == nil {
		t.Error("no windows gave a matrix")
	}
	longer := &imatrix.Matrix{Windows: 9, WindowSize: 512}
	if _, err := Run(context.Background(), pool, m, windows, Options{Resume: longer}); err == nil {
		t.Error("sums of a longer text were resumed")
	}
}

// TestProcessOutput also records the output head.
func TestProcessOutput(t *testing.T) {
	m, windows := loadDemo(t, 1)
	with, without := run(t, m, windows, 2, Options{ProcessOutput: true}), run(t, m, windows, 2, Options{})
	if len(with.Entries) != len(without.Entries)+1 {
		t.Fatalf("%d entries with the output head, %d without", len(with.Entries), len(without.Entries))
	}
	if e, ok := with.Entry("token_embd.weight"); !ok || e.Counts[0] != 512 {
		t.Errorf("the tied output head: %v", e)
	}
}
