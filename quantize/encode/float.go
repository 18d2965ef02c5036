package encode

import (
	"encoding/binary"
	"math"

	"bitmill/formats/block"
)

// F32, F16, BF16: each value on its own, little-endian; importance plays no part.

func encodeF32(dst []byte, row, _ []float32) {
	for i, v := range row {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
}

func encodeF16(dst []byte, row, _ []float32) {
	for i, v := range row {
		putHalf(dst[2*i:], v)
	}
}

func encodeBF16(dst []byte, row, _ []float32) {
	for i, v := range row {
		binary.LittleEndian.PutUint16(dst[2*i:], block.BF16(v))
	}
}

// putHalf writes v as a 16-bit float and returns the value a reader will see.
func putHalf(dst []byte, v float32) float32 {
	h := block.F16(v)
	binary.LittleEndian.PutUint16(dst, h)
	return block.FromF16(h)
}

// invert is 1/d, or 0 for 0.
func invert(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// Half rounds to the nearest 16-bit float.
func Half(v float32) float32 { return block.FromF16(block.F16(v)) }
