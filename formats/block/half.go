package block

import "math"

// F16 rounds x to IEEE binary16: nearest, ties to even. Values from 65520 up become Inf; every NaN becomes the quiet
// NaN 0x7e00 with x's sign, as in ggml.
func F16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520, halfway between the largest finite value and the next power of two
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: a multiple of 2^-24, which is the last place of numbers in [0.5, 1)
		sum := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(sum)-0x3f000000)
	}
	b += 0xfff + b>>13&1 // half of what is cut off; one more when the kept part is odd
	return sign | uint16((b-0x38000000)>>13)
}

// FromF16 widens a binary16 number exactly; NaN payloads move along.
func FromF16(h uint16) float32 {
	// The magnitude's bits read as a float32 are its value times 2^-112, subnormal numbers included. What comes out at
	// 65536 or more had the exponent of Inf and NaN.
	b := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if b >= 0x47800000 {
		b |= 0x7f800000
	}
	return math.Float32frombits(b | uint32(h&0x8000)<<16)
}

// BF16 rounds x to bfloat16, the upper half of a float32: nearest, ties to even; NaN becomes quiet.
func BF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBF16 widens a bfloat16 number exactly.
func FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// half reads the 16-bit float at the start of b.
func half(b []byte) float32 { return FromF16(uint16(b[0]) | uint16(b[1])<<8) }
