package encode

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
)

// A row taken apart means what its bytes mean, and is put together again as it was.
func TestGrids(t *testing.T) {
	const cols = 1024
	rng := rand.New(rand.NewPCG(1, 2))
	x, importance := make([]float32, cols), make([]float32, cols)
	for i := range x {
		x[i], importance[i] = float32(rng.NormFloat64()*math.Exp(rng.NormFloat64())), rng.Float32()
	}
	for typ := range formats.Type(64) {
		g := GridOf(typ)
		if g == nil {
			continue
		}
		size, _ := typ.RowBytes(cols)
		row, again := make([]byte, size), make([]byte, size)
		if err := Encode(typ, row, x, cols, importance); err != nil {
			t.Fatal(typ, err)
		}
		l := g.NewLevels(cols)
		g.Read(l, row)
		g.Write(again, l)
		if !bytes.Equal(row, again) {
			t.Errorf("%v: other bytes", typ)
		}
		want := make([]float32, cols)
		if err := block.Decode(typ, want, row); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			sub, super := i/g.Sub, i/g.Super
			scale := l.D[super] * g.Scale(l.S[sub])
			got := float32(scale*g.LevelOf(l, i)) - float32(l.DMin[super]*float32(l.T[sub]))
			if got != want[i] || g.Book == nil && l.Q[i] > uint8(g.Top) || l.S[sub] < g.SLow || l.S[sub] > g.STop || l.T[sub] > g.TTop {
				t.Fatalf("%v: value %d is %g of s %d, want %g", typ, i, got, l.S[sub], want[i])
			}
		}
	}
}
