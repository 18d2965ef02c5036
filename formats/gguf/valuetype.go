package gguf

import (
	"encoding/binary"
	"fmt"
)

// valueType is the type id of a metadata value.
type valueType uint32

// valueTypes lists the metadata types by id: the name, the Go types of one value and of an array, and the least number
// of bytes that one value takes (a string is a uint64 length and its bytes; an array is a uint32 type, a uint64
// count and its values).
var valueTypes = []struct {
	name  string
	bytes int64
	// read decodes one value, or n of them, from exactly their bytes; nil for strings and arrays.
	read func(b []byte, n int) (one, many any, err error)
}{
	{"u8", 1, numbers[uint8]},
	{"i8", 1, numbers[int8]},
	{"u16", 2, numbers[uint16]},
	{"i16", 2, numbers[int16]},
	{"u32", 4, numbers[uint32]},
	{"i32", 4, numbers[int32]},
	{"f32", 4, numbers[float32]},
	{"bool", 1, bools},
	{"str", 8, nil},
	{"arr", 12, nil},
	{"u64", 8, numbers[uint64]},
	{"i64", 8, numbers[int64]},
	{"f64", 8, numbers[float64]},
}

const (
	typeString valueType = 8
	typeArray  valueType = 9
)

func (k valueType) known() bool { return int(k) < len(valueTypes) }

func (k valueType) String() string {
	if k.known() {
		return valueTypes[k].name
	}
	return fmt.Sprintf("type %d", uint32(k))
}

// numbers decodes n little-endian values; one is the first of them.
func numbers[T any](b []byte, n int) (one, many any, err error) {
	s := make([]T, n)
	if _, err := binary.Decode(b, binary.LittleEndian, s); err != nil {
		return nil, nil, err
	}
	if n == 1 {
		one = s[0]
	}
	return one, s, nil
}

// bools decodes n bytes, each 0 or 1; the specification calls any other byte invalid.
func bools(b []byte, n int) (one, many any, err error) {
	s := make([]bool, n)
	for i, x := range b[:n] {
		if x > 1 {
			return nil, nil, fmt.Errorf("a bool is stored as %d", x)
		}
		s[i] = x == 1
	}
	if n == 1 {
		one = s[0]
	}
	return one, s, nil
}

// valueTypeOf gives the type of a Go value and, for an array, of its elements. ok is false for a Go type that
// has no GGUF type.
func valueTypeOf(v any) (k, element valueType, ok bool) {
	switch v.(type) {
	case uint8:
		return 0, 0, true
	case int8:
		return 1, 0, true
	case uint16:
		return 2, 0, true
	case int16:
		return 3, 0, true
	case uint32:
		return 4, 0, true
	case int32:
		return 5, 0, true
	case float32:
		return 6, 0, true
	case bool:
		return 7, 0, true
	case string:
		return typeString, 0, true
	case uint64:
		return 10, 0, true
	case int64:
		return 11, 0, true
	case float64:
		return 12, 0, true
	case []uint8:
		return typeArray, 0, true
	case []int8:
		return typeArray, 1, true
	case []uint16:
		return typeArray, 2, true
	case []int16:
		return typeArray, 3, true
	case []uint32:
		return typeArray, 4, true
	case []int32:
		return typeArray, 5, true
	case []float32:
		return typeArray, 6, true
	case []bool:
		return typeArray, 7, true
	case []string:
		return typeArray, typeString, true
	case []any:
		return typeArray, typeArray, true
	case []uint64:
		return typeArray, 10, true
	case []int64:
		return typeArray, 11, true
	case []float64:
		return typeArray, 12, true
	}
	return 0, 0, false
}

// TypeName is the GGUF type of a metadata value: "u32", "str", "arr[f32]"; the Go type when it has none.
func TypeName(v any) string {
	k, element, ok := valueTypeOf(v)
	switch {
	case !ok:
		return fmt.Sprintf("%T", v)
	case k == typeArray:
		return "arr[" + element.String() + "]"
	}
	return k.String()
}
