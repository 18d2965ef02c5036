package quantize

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"bitmill/formats/gguf"
)

// parseKey reads "KEY=TYPE:VALUE" (llama-quantize's --override-kv). A number takes the type that the key has in m, as
// long as it fits; a new key gets the type that llama.cpp gives it, u32 or f32, or a wider one for a larger integer.
func parseKey(text string, m *gguf.Metadata) (key string, v any, err error) {
	refuse := func(why string) error { return fmt.Errorf("metadata %q: %s", text, why) }
	key, value, ok := strings.Cut(text, "=")
	kind, value, typed := strings.Cut(value, ":")
	switch {
	case !ok || key == "" || !typed:
		return "", nil, refuse("write it as KEY=TYPE:VALUE, for example general.name=str:My model; TYPE is int, float, bool or str")
	case gguf.IsSplitKey(key):
		return "", nil, refuse("how a model is cut into files is not for metadata to say")
	}
	old, _ := m.Get(key)
	switch kind {
	case "int":
		v, err = integer(value, old)
	case "float":
		v, err = float(value, old)
	case "bool":
		switch value {
		case "true":
			v = true
		case "false":
			v = false
		default:
			err = fmt.Errorf("a bool is true or false, not %q", value)
		}
	case "str":
		v = value
	default:
		err = fmt.Errorf("unknown type %q; choose int, float, bool or str", kind)
	}
	if err != nil {
		return "", nil, refuse(err.Error())
	}
	return key, v, nil
}

// overridden is what the rules read of a source whose metadata are overridden: as llama-quantize reads it, so that what
// the new metadata say of the model decides the types. A list, and a value of another kind, is not overridden.
func overridden(source *gguf.Metadata, texts []string) (*gguf.Metadata, error) {
	if len(texts) == 0 {
		return source, nil
	}
	m := source.Clone()
	for _, text := range texts {
		key, v, err := parseKey(text, m)
		if err != nil {
			return nil, err
		}
		if old, ok := m.Get(key); !ok || reflect.TypeOf(old) == reflect.TypeOf(v) {
			m.Set(key, v)
		}
	}
	return m, nil
}

// integer reads an integer in the type of old, or in the least of u32, i32, u64 and i64 that holds it.
func integer(text string, old any) (any, error) {
	bits, signed := 0, false
	switch old.(type) {
	case uint8:
		bits = 8
	case int8:
		bits, signed = 8, true
	case uint16:
		bits = 16
	case int16:
		bits, signed = 16, true
	case uint32:
		bits = 32
	case int32:
		bits, signed = 32, true
	case uint64:
		bits = 64
	case int64:
		bits, signed = 64, true
	}
	if bits == 0 {
		bits, signed = 64, strings.HasPrefix(text, "-")
	}
	var u uint64
	var i int64
	var err error
	if signed {
		i, err = strconv.ParseInt(text, 10, bits)
	} else {
		u, err = strconv.ParseUint(text, 10, bits)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no integer that fits in %s", text, integerName(bits, signed))
	}
	switch old.(type) {
	case uint8:
		return uint8(u), nil
	case int8:
		return int8(i), nil
	case uint16:
		return uint16(u), nil
	case int16:
		return int16(i), nil
	case uint32:
		return uint32(u), nil
	case int32:
		return int32(i), nil
	case uint64:
		return u, nil
	case int64:
		return i, nil
	}
	switch {
	case signed && i >= math.MinInt32:
		return int32(i), nil
	case signed:
		return i, nil
	case u <= math.MaxUint32:
		return uint32(u), nil
	}
	return u, nil
}

func integerName(bits int, signed bool) string {
	if signed {
		return fmt.Sprint("i", bits)
	}
	return fmt.Sprint("u", bits)
}

// float reads a finite number as f64 where the key is one already, else as f32.
func float(text string, old any) (any, error) {
	bits := 32
	if _, ok := old.(float64); ok {
		bits = 64
	}
	x, err := strconv.ParseFloat(text, bits)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, fmt.Errorf("%q is no finite number that fits in f%d", text, bits)
	}
	if bits == 64 {
		return x, nil
	}
	return float32(x), nil
}
