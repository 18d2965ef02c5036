package gguf

import (
	"fmt"
	"math"

	"bitmill/formats"
)

// The typed getters return ok = false and no error when the key is absent, and an ErrCorrupt that names the key when
// it holds a value of another type: a mistyped key must never read as a default.

func wrongType(key string, v any, want string) error {
	return fmt.Errorf("%w: metadata key %s holds %s, not %s", formats.ErrCorrupt, key, TypeName(v), want)
}

// Uint reads any integer type; a negative value is an error.
func (m *Metadata) Uint(key string) (v uint64, ok bool, err error) {
	x, ok := m.Get(key)
	if !ok {
		return 0, false, nil
	}
	var i int64
	switch x := x.(type) {
	case uint8:
		return uint64(x), true, nil
	case uint16:
		return uint64(x), true, nil
	case uint32:
		return uint64(x), true, nil
	case uint64:
		return x, true, nil
	case int8:
		i = int64(x)
	case int16:
		i = int64(x)
	case int32:
		i = int64(x)
	case int64:
		i = x
	default:
		return 0, false, wrongType(key, x, "an integer")
	}
	if i < 0 {
		return 0, false, fmt.Errorf("%w: metadata key %s is %d, which is negative", formats.ErrCorrupt, key, i)
	}
	return uint64(i), true, nil
}

// Float reads f32 or f64.
func (m *Metadata) Float(key string) (v float64, ok bool, err error) {
	x, ok := m.Get(key)
	if !ok {
		return 0, false, nil
	}
	switch x := x.(type) {
	case float32:
		return float64(x), true, nil
	case float64:
		return x, true, nil
	}
	return 0, false, wrongType(key, x, "a floating-point number")
}

// Bool reads bool.
func (m *Metadata) Bool(key string) (v, ok bool, err error) {
	return typed[bool](m, key, "bool")
}

// String reads str.
func (m *Metadata) String(key string) (v string, ok bool, err error) {
	return typed[string](m, key, "str")
}

// Strings reads arr[str].
func (m *Metadata) Strings(key string) (v []string, ok bool, err error) {
	return typed[[]string](m, key, "arr[str]")
}

func typed[T any](m *Metadata, key, want string) (v T, ok bool, err error) {
	x, ok := m.Get(key)
	if !ok {
		return v, false, nil
	}
	if v, ok = x.(T); !ok {
		return v, false, wrongType(key, x, want)
	}
	return v, true, nil
}

// Ints reads an array of any integer type. A u64 above the range of int64 is an error.
func (m *Metadata) Ints(key string) (v []int64, ok bool, err error) {
	x, ok := m.Get(key)
	if !ok {
		return nil, false, nil
	}
	switch x := x.(type) {
	case []uint8:
		v = convert[int64](x)
	case []int8:
		v = convert[int64](x)
	case []uint16:
		v = convert[int64](x)
	case []int16:
		v = convert[int64](x)
	case []uint32:
		v = convert[int64](x)
	case []int32:
		v = convert[int64](x)
	case []int64:
		v = convert[int64](x)
	case []uint64:
		for i, u := range x {
			if u > math.MaxInt64 {
				return nil, false, fmt.Errorf("%w: metadata key %s: element %d is %d, beyond int64", formats.ErrCorrupt, key, i, u)
			}
		}
		v = convert[int64](x)
	default:
		return nil, false, wrongType(key, x, "an array of integers")
	}
	return v, true, nil
}

// Floats reads arr[f32] or arr[f64].
func (m *Metadata) Floats(key string) (v []float64, ok bool, err error) {
	x, ok := m.Get(key)
	if !ok {
		return nil, false, nil
	}
	switch x := x.(type) {
	case []float32:
		return convert[float64](x), true, nil
	case []float64:
		return convert[float64](x), true, nil
	}
	return nil, false, wrongType(key, x, "an array of floating-point numbers")
}

type number interface {
	~uint8 | ~int8 | ~uint16 | ~int16 | ~uint32 | ~int32 | ~uint64 | ~int64 | ~float32 | ~float64
}

// convert copies a slice into one of another number type.
func convert[To, From number](s []From) []To {
	r := make([]To, len(s))
	for i, x := range s {
		r[i] = To(x)
	}
	return r
}
