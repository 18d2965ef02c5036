package prequant

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/safetensors"
)

// floatTypes are the dtypes of scales.
var floatTypes = []string{"F16", "BF16", "F32"}

// floats is a list of scales as they are stored.
type floats struct {
	dtype string
	data  []byte
}

func floatsOf(t *safetensors.Tensor) floats { return floats{t.DType, t.Data} }

func (f floats) at(i int64) float32 {
	switch f.dtype {
	case "F16":
		return block.FromF16(binary.LittleEndian.Uint16(f.data[2*i:]))
	case "BF16":
		return block.FromBF16(binary.LittleEndian.Uint16(f.data[2*i:]))
	case "F8_E8M0": // a power of two
		if f.data[i] == 0xff {
			return float32(math.NaN())
		}
		return float32(math.Ldexp(1, int(f.data[i])-127))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(f.data[4*i:]))
}

// words is a matrix of 32-bit words.
type words struct {
	cols int64
	data []byte
}

func wordsOf(t *safetensors.Tensor) words { return words{t.Shape[1], t.Data} }

func (w words) at(row, col int64) uint32 {
	return binary.LittleEndian.Uint32(w.data[4*(row*w.cols+col):])
}

// column reads codes of the given number of bits, stored one after the other down a column, the lowest bits first. A
// code may cross from one word into the next.
func (w words) column(dst []uint8, col int64, bits int) {
	var buffer uint64
	have, row, mask := 0, int64(0), uint64(1)<<bits-1
	for i := range dst {
		if have < bits {
			buffer |= uint64(w.at(row, col)) << have
			row, have = row+1, have+32
		}
		dst[i] = uint8(buffer & mask)
		buffer, have = buffer>>bits, have-bits
	}
}

// code reads code i of a row of codes that are stored in the same way.
func (w words) code(row, i int64, bits int) uint8 {
	bit := i * int64(bits)
	v := uint64(w.at(row, bit/32))
	if end := bit%32 + int64(bits); end > 32 {
		v |= uint64(w.at(row, bit/32+1)) << 32
	}
	return uint8(v >> (bit % 32) & (1<<bits - 1))
}

func checkType(t *safetensors.Tensor, dtypes []string) error {
	if slices.Contains(dtypes, t.DType) {
		return nil
	}
	return fmt.Errorf("%w: %s is of dtype %s, not %s", formats.ErrCorrupt, t.Name, t.DType, strings.Join(dtypes, ", "))
}

// same reports whether two shapes are the same; -1 stands for any size.
func same(a, b []int64) bool {
	return slices.EqualFunc(a, b, func(x, y int64) bool { return x == y || y == -1 })
}
