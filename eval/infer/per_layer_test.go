package infer

import (
	"testing"

	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// Layers of different sizes run as each would run alone.
func TestUnevenLayers(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	half, whole := c.Uneven(t)
	var logits [2][]float32
	for i, dir := range []string{half, whole} {
		opened, err := checkpoint.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { opened.Close() })
		m, err := Load(opened)
		if err != nil {
			t.Fatal(err)
		}
		logits[i] = forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens, Cache: m.NewCache(len(c.Tokens))})
	}
	near(t, "half a layer", logits[0], logits[1], 1e-5)
	plain := open(t, c)
	other := forward(t, plain, Options{}, 2, Sequence{Tokens: c.Tokens, Cache: plain.NewCache(len(c.Tokens))})
	if relativeRMS(other, logits[1]) < 0.01 {
		t.Error("half a layer changes nothing")
	}
}
