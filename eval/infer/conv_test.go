package infer

import (
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/kernel"
)

// newConv has random taps.
func newConv(rng *rand.Rand, width, size int, bias bool) conv {
	c := conv{taps: make([]float32, size*width), width: width}
	for i := range c.taps {
		c.taps[i] = float32(rng.NormFloat64())
	}
	if bias {
		c.bias = c.taps[:width]
	}
	return c
}

// byDefinition is the convolution of all rows of x.
func (c *conv) byDefinition(x []float64) []float64 {
	size, y := len(c.taps)/c.width, make([]float64, len(x))
	for at := range y {
		t, channel := at/c.width, at%c.width
		if c.bias != nil {
			y[at] = float64(c.bias[channel])
		}
		for i := max(0, size-1-t); i < size; i++ {
			y[at] += float64(c.taps[i*c.width+channel]) * x[(t-size+1+i)*c.width+channel]
		}
	}
	return y
}

// TestConv: in pieces of any length and for any part of the channels, the convolution is the definition's, and only
// that part of rows and window changes.
func TestConv(t *testing.T) {
	const n, width = 23, 37
	rng := rand.New(rand.NewPCG(5, 0))
	x, wide := make([]float32, n*width), make([]float64, n*width)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		wide[i] = float64(x[i])
	}
	for _, size := range []int{1, 2, 3, 4, 7} {
		c := newConv(rng, width, size, size%2 == 0)
		want := c.byDefinition(wide)
		for _, set := range kernel.Available() {
			for _, piece := range []int{1, 2, 3, 5, n} {
				y, window := make([]float32, n*width), make([]float32, c.window())
				for at := 0; at < n; at += piece {
					for _, part := range [][2]int{{0, 5}, {21, width}, {5, 21}} {
						from := at*width + part[0]
						c.channels(set, y[from:], width, x[from:], width, min(piece, n-at), window, part[0], part[1])
					}
				}
				for i := range y {
					if !(math.Abs(float64(y[i])-want[i]) < 1e-5) {
						t.Fatalf("%s, %d taps in pieces of %d: y[%d][%d] is %g, not %g", set.Name, size, piece, i/width,
							i%width, y[i], want[i])
					}
				}
			}
		}
	}
}
