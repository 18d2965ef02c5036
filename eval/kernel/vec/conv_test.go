package vec

import (
	"slices"
	"testing"
)

// TestConvolve compares with plain Go, bit by bit: rows, window, and what is beside them.
func TestConvolve(t *testing.T) {
	for _, s := range others() {
		for size := 1; size <= 7; size++ {
			for _, channels := range []int{0, 1, 7, 8, 24, 37} {
				for _, n := range []int{0, 1, 2, 3, 9} {
					const width, stride = 40, 43
					rng := random(uint64(100*size + channels))
					x, taps := randomFloats(rng, (n+1)*stride), randomFloats(rng, size*width)
					dst, window := randomFloats(rng, (n+1)*stride), randomFloats(rng, (size-1)*width)
					want, moved := slices.Clone(dst), slices.Clone(window)
					generic.convolveRows(want, stride, x, stride, n, moved, taps, size, width, channels)
					s.Convolve(dst, stride, x, stride, n, window, taps, size, width, channels)
					if !slices.Equal(dst, want) || !slices.Equal(window, moved) {
						t.Fatalf("%s: %d taps, %d channels, %d rows differ", s.Name, size, channels, n)
					}
				}
			}
		}
	}
}

func BenchmarkConvolve(b *testing.B) {
	const n, width = 64, 6144
	for _, s := range available() {
		rng := random(1)
		x, taps, window := randomFloats(rng, n*width), randomFloats(rng, 4*width), make([]float32, 3*width)
		dst := make([]float32, n*128)
		b.Run(s.Name, func(b *testing.B) {
			for b.Loop() {
				s.Convolve(dst, 128, x, width, n, window, taps, 4, width, 128)
			}
		})
	}
}
