package encode

// TQ1_0 and TQ2_0: x ~ d * (t - 1) with t in 0..2 and d the largest magnitude of 256 values. Importance plays no part.

// ternary returns d and writes t.
func ternary(t *[256]uint8, x *[256]float32) (d float32) {
	_, d = largest(x[:])
	inverse := invert(d)
	for i, v := range x {
		r := roundHalfAway(v * inverse)
		if uint32(r+1) > 2 { // d is so small that its inverse is infinite: ggml's 64-bit rounding leaves 0 here
			r = 0
		}
		t[i] = uint8(r + 1)
	}
	return d
}
