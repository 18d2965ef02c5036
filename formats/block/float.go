package block

import (
	"encoding/binary"
	"math"
)

// F32, F16 and BF16: a block is one number, little-endian.

func decodeF32(dst []float32, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[32:] { // two values in a word
		y, b := (*[8]float32)(dst), (*[32]byte)(src)
		for i := 0; i < 8; i += 2 {
			v := binary.LittleEndian.Uint64(b[4*i:])
			y[i], y[i+1] = math.Float32frombits(uint32(v)), math.Float32frombits(uint32(v>>32))
		}
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func decodeF16(dst []float32, src []byte) {
	for ; len(dst) >= 4; dst, src = dst[4:], src[8:] { // four values in a word
		y, v := (*[4]float32)(dst), binary.LittleEndian.Uint64(src)
		if ordinary4(v) {
			y[0], y[1] = ordinaryF16(uint32(v)), ordinaryF16(uint32(v>>16))
			y[2], y[3] = ordinaryF16(uint32(v>>32)), ordinaryF16(uint32(v>>48))
			continue
		}
		for i := range y {
			y[i] = FromF16(uint16(v >> (16 * i)))
		}
	}
	for i := range dst {
		dst[i] = FromF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// ordinary4 reports whether four binary16 numbers are neither zero, subnormal, Inf nor NaN: exponents between 1 and 30.
func ordinary4(v uint64) bool {
	const sign, one, exponent = 0x8000800080008000, 0x0400040004000400, 0x7c007c007c007c00
	e := v & exponent
	return (e+one)&sign == 0 && ((e|sign)-one)&sign == sign
}

// ordinaryF16 is FromF16 for such a number, the low half of h.
func ordinaryF16(h uint32) float32 {
	return math.Float32frombits((h&0x7fff)<<13 + 0x38000000 | h&0x8000<<16)
}

func decodeBF16(dst []float32, src []byte) {
	const upper = 0xffff0000
	for ; len(dst) >= 8; dst, src = dst[8:], src[16:] { // four values in a word: the upper half of each float32
		y, b := (*[8]float32)(dst), (*[16]byte)(src)
		v, w := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
		y[0], y[1] = math.Float32frombits(uint32(v)<<16), math.Float32frombits(uint32(v)&upper)
		y[2], y[3] = math.Float32frombits(uint32(v>>16)&upper), math.Float32frombits(uint32(v>>32)&upper)
		y[4], y[5] = math.Float32frombits(uint32(w)<<16), math.Float32frombits(uint32(w)&upper)
		y[6], y[7] = math.Float32frombits(uint32(w>>16)&upper), math.Float32frombits(uint32(w>>32)&upper)
	}
	for i := range dst {
		dst[i] = FromBF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
