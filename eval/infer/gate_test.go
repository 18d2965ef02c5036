package infer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// A gate with one output for each head does what a gate does that has it for each value of the head.
func TestGateOfHeads(t *testing.T) {
	c := checkpointtest.Load(t, "afmoe")
	m := open(t, c)
	rng := rand.New(rand.NewPCG(5, 9))
	logits := func(rows int, from func(head, col int) float32) []float32 {
		for _, l := range m.layers {
			g := l[0].mixer.(*gqa)
			g.gate.Matrix = matrixOf(rows*g.heads, m.Config.Width, func(r, col int) float32 { return from(r/rows, col) })
			g.gate.form, _ = kernel.ExactFormOf(formats.F32)
		}
		return forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens})
	}
	values := make([]float32, m.Config.Heads*m.Config.Width)
	for i := range values {
		values[i] = float32(rng.NormFloat64() / 8)
	}
	of := func(head, col int) float32 { return values[head*m.Config.Width+col] }
	whole := append([]float32(nil), logits(m.Config.HeadDim, of)...)
	if e := relativeRMS(logits(1, of), whole); !(e < 1e-6) {
		t.Errorf("a gate of heads differs by %.1e from a gate of values", e)
	}
	half := append([]float32(nil), logits(1, func(int, int) float32 { return 0 })...)
	if e := relativeRMS(half, whole); !(e > 1e-3) {
		t.Errorf("the gate changes logits by %.1e only", e)
	}
}

// matrixOf makes an F32 matrix.
func matrixOf(rows, cols int, of func(r, c int) float32) kernel.Matrix {
	var data []byte
	for r := range rows {
		for c := range cols {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(of(r, c)))
		}
	}
	return kernel.Matrix{Type: formats.F32, Rows: rows, Cols: cols, Data: data}
}
