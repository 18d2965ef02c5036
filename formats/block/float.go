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
	for ; len(dst) >= 8; dst, src = dst[8:], src[16:] {
		y, b := (*[8]float32)(dst), (*[16]byte)(src)
		for i := range y {
			y[i] = FromBF16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	for i := range dst {
		dst[i] = FromBF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
