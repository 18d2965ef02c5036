package vec

import "math"

// fma is x*y+z, rounded once, as instruction sets have it. The product is exact in float64. The sum rounded twice is the
// sum rounded once unless float64 takes it for the middle between two numbers: then it goes to the side of what float64
// has cut off.
func fma(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	s := p + float64(z)
	const rest, middle = 1<<29 - 1, 1 << 28 // of the bits that float32 does not have
	if math.Float64bits(s)&rest == middle || s > -0x1p-125 && s < 0x1p-125 {
		return float32(fromMiddle(s, p, float64(z)))
	}
	return float32(s)
}

// fromMiddle moves the rounded sum s of p and z by a step towards the exact one, unless it is that, or odd.
func fromMiddle(s, p, z float64) float64 {
	part := s - p
	cut := (p - (s - part)) + (z - part) // Knuth's sum of two numbers
	bits := math.Float64bits(s)
	switch {
	case cut == 0 || cut != cut || bits&1 != 0:
		return s
	case (cut > 0) == (s > 0):
		return math.Float64frombits(bits | 1)
	}
	return math.Float64frombits(bits - 1)
}
