package gguf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// MarshalJSON writes an object with the keys in their order. Numbers keep their shortest decimal form, an array of u8
// is an array of numbers, and floats that JSON lacks are the strings "NaN", "+Inf" and "-Inf".
func (m *Metadata) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, key := range m.Keys() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(key); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // the encoder ends every value with a line feed
		b.WriteByte(':')
		v, _ := m.Get(key)
		if err := e.Encode(jsonValue(v)); err != nil {
			return nil, fmt.Errorf("metadata key %s: %w", key, err)
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonValue replaces the values that encoding/json would refuse or write as base64.
func jsonValue(v any) any {
	switch v := v.(type) {
	case []uint8:
		return convert[int64](v)
	case float32:
		return jsonFloat(v)
	case float64:
		return jsonFloat(v)
	case []float32:
		return each(v, jsonFloat)
	case []float64:
		return each(v, jsonFloat)
	case []any:
		return each(v, jsonValue)
	}
	return v
}

func jsonFloat[T float32 | float64](x T) any {
	if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Sprintf("%+v", f)
	}
	return x
}

func each[T any](s []T, f func(T) any) []any {
	list := make([]any, len(s))
	for i, x := range s {
		list[i] = f(x)
	}
	return list
}
