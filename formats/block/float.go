package block

import (
	"encoding/binary"
	"math"
)

// F32, F16 and BF16: a block is one number, little-endian.

func decodeF32(dst []float32, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[32:] {
		y, b := (*[8]float32)(dst), (*[32]byte)(src)
		for i := range y {
			y[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func decodeF16(dst []float32, src []byte) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[16:] {
		y, b := (*[8]float32)(dst), (*[16]byte)(src)
		for i := range y {
			y[i] = FromF16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	for i := range dst {
		dst[i] = FromF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
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
