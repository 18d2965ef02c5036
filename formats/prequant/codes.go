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

// column reads codes of so many bits that follow each other down a column, the lowest bits first. A code may lie
// across two words.
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

// code reads code i of a row of such codes.
func (w words) code(row, i int64, bits int) uint8 {
	bit := i * int64(bits)
	v := uint64(w.at(row, bit/32))
	if end := bit%32 + int64(bits); end > 32 {
		v |= uint64(w.at(row, bit/32+1)) << 32
	}
	return uint8(v >> (bit % 32) & (1<<bits - 1))
}

// groups finds how many groups of scales a row of so many values has.
func (s Scheme) groups(cols int64) int64 {
	if s.Group <= 0 {
		return 1
	}
	return (cols + s.Group - 1) / s.Group
}

// groupOf is the group of column i when columns are in order.
func (s Scheme) groupOf(i int64) int64 {
	if s.Group <= 0 {
		return 0
	}
	return i / s.Group
}

// String says what the codes are.
func (s Scheme) String() string {
	text := fmt.Sprintf("%d bits", s.Bits)
	if s.Group > 0 {
		return fmt.Sprintf("%s in groups of %d", text, s.Group)
	}
	return text + " with a scale per row"
}

// groupIndex reads which group each column belongs to; nil for columns in order.
func groupIndex(t *safetensors.Tensor, groups int64) ([]int32, error) {
	if t == nil {
		return nil, nil
	}
	index := make([]int32, t.Elements())
	for i := range index {
		index[i] = int32(binary.LittleEndian.Uint32(t.Data[4*i:]))
		if index[i] < 0 || int64(index[i]) >= groups {
			return nil, fmt.Errorf("%w: %s puts column %d into group %d of %d", formats.ErrCorrupt, t.Name, i, index[i], groups)
		}
	}
	return index, nil
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
