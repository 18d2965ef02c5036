package vec

import "math"

// fma is x*y+z, rounded once, as instruction sets have it. The product is exact in float64, and a sum rounded twice is the
// sum rounded once unless float64 takes it for the middle between two numbers of float32. So it is rounded to float64 in
// such a way that its last bit tells whether anything has been cut off.
func fma(x, y, z float32) float32 {
	p, q := float64(x)*float64(y), float64(z)
	s := p + q
	part := s - p
	cut := (p - (s - part)) + (q - part) // Knuth's sum of two numbers
	bits := math.Float64bits(s)
	switch {
	case cut == 0 || cut != cut || bits&1 != 0:
	case (cut > 0) == (s > 0):
		bits++
	default:
		bits--
	}
	return float32(math.Float64frombits(bits))
}
