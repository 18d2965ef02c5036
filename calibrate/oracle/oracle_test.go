package oracle

import (
	"context"
	"math"
	"testing"

	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// open makes the named case's checkpoint and its oracle.
func open(t testing.TB, name string, o Options) (*checkpointtest.Case, *Oracle) {
	t.Helper()
	c := checkpointtest.Load(t, name)
	k, err := checkpoint.Open(c.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	oracle, err := New(k, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(oracle.Close)
	return c, oracle
}

// transformers' float32 logits are the reference: two correct float32 forward passes differ by 1e-6 to 3e-6.
func TestLogitsAgreeWithTransformers(t *testing.T) {
	for _, name := range []string{"llama", "llama3-rope", "llama-narrow", "mistral", "qwen2", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			c, oracle := open(t, name, Options{})
			logits, err := oracle.Logits(context.Background(), c.Tokens)
			if err != nil {
				t.Fatal(err)
			}
			if len(logits) != len(c.Tokens) {
				t.Fatalf("%d rows for %d tokens", len(logits), len(c.Tokens))
			}
			checkCase(t, c, logits)
		})
	}
}

func checkCase(t *testing.T, c *checkpointtest.Case, logits [][]float32) {
	t.Helper()
	sample := make([][]float32, len(c.Positions))
	for i, p := range c.Positions {
		for _, col := range c.Columns {
			sample[i] = append(sample[i], logits[p][col])
		}
	}
	relRMS, _ := Compare(c.Logits, sample)
	t.Logf("relative RMS error %.2g", relRMS)
	if !(relRMS < 1e-5) {
		t.Errorf("relative RMS error %g, want below 1e-5", relRMS)
	}
	for p, want := range c.Argmax {
		if got := argmax(logits[p]); got != want {
			t.Errorf("position %d: argmax %d, want %d", p, got, want)
		}
		if got := logSumExp(logits[p]); math.Abs(got-c.LogSumExp[p]) > 1e-4 {
			t.Errorf("position %d: logsumexp %g, want %g", p, got, c.LogSumExp[p])
		}
	}
}

func logSumExp(x []float32) float64 {
	top := float64(x[argmax(x)])
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top
}
