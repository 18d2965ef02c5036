//go:build !arm64

package vec

import "math"

// FMA is x*y+z, rounded once.
func FMA(x, y, z float32) float32 { return fma(x, y, z) }

// TryFMA is FMA, if it is sure, in a form that the compiler puts in place.
func TryFMA(x, y, z float32) (r float32, sure bool) {
	s := float64(x)*float64(y) + float64(z)
	r = float32(s)
	return r, math.Float64bits(s)<<35 != 1<<63 && math.Float32bits(r)<<1 >= 2<<24
}
