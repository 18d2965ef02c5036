package block

import "math"

// NVFP4: 64 values in 36 bytes, 4.5 bits per value; 4 sub-blocks of 16, E2M1 values with UE4M3 scales.
//
//	0             4                                                       36
//	+-------------+--------------------------------------------------------+
//	| s[0]...s[3] | 32 bytes: in byte 8*j + i low = q[16*j + i], high = + 8 |
//	+-------------+--------------------------------------------------------+
//
// value = Float4[q] * FromUE4M3Half(s) with s of the value's sub-block. A scale for the whole tensor is stored as a
// tensor of its own and is not part of the blocks.
func decodeNVFP4(dst []float32, src []byte) {
	for ; len(dst) >= 64; dst, src = dst[64:], src[36:] {
		b := (*[36]byte)(src)
		for j := range 4 {
			y, q := (*[16]float32)(dst[16*j:]), (*[8]byte)(b[4+8*j:])
			d := FromUE4M3Half(b[j])
			for i, v := range q {
				y[i] = float32(Float4[v&15]) * d
				y[i+8] = float32(Float4[v>>4]) * d
			}
		}
	}
}

// FromUE4M3Half is half of what a scale byte stands for (Float4 is doubled): four bits of exponent with bias 7 above
// three of mantissa. Bit 7 is ignored, except that of 0x7f, the NaN of the standard, and 0xff only the first is 0.
func FromUE4M3Half(s uint8) float32 {
	if s == 0x7f {
		return 0
	}
	exponent, mantissa := uint32(s>>3&15), float32(s&7)
	if exponent == 0 {
		return mantissa * 0x1p-10
	}
	return (1 + float32(mantissa/8)) * math.Float32frombits((exponent-8+127)<<23)
}
