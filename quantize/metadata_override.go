package quantize

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"bitmill/formats/gguf"
)

// parseKey reads "KEY=TYPE:VALUE" (llama-quantize's --override-kv). A number takes the type of the key in m and must
// fit in it; a new key gets llama.cpp's type, u32 or f32, or a wider one for a larger integer.
func parseKey(text string, m *gguf.Metadata) (key string, v any, err error) {
	refuse := func(why string) error { return fmt.Errorf("metadata %q: %s", text, why) }
	key, value, ok := strings.Cut(text, "=")
	kind, value, typed := strings.Cut(value, ":")
	switch {
	case !ok || key == "" || !typed:
		return "", nil, refuse("write it as KEY=TYPE:VALUE, for example general.name=str:My model; " +
			"TYPE is int, float, bool or str")
	case gguf.IsSplitKey(key):
		return "", nil, refuse("metadata cannot set how a model is split")
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

// overridden is the metadata that the rules read: the source's with the overrides applied, so that the new values
// decide the types, as in llama-quantize. A list is not overridden, nor is a value by one of another type.
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
	typ := reflect.TypeFor[uint64]()
	if strings.HasPrefix(text, "-") {
		typ = reflect.TypeFor[int64]()
	}
	o := reflect.ValueOf(old)
	typed := o.CanInt() || o.CanUint()
	if typed {
		typ = o.Type()
	}
	v := reflect.New(typ).Elem()
	if err := setInteger(v, text); err != nil {
		return nil, fmt.Errorf("%q is not an integer that fits in %c%d", text, typ.Kind().String()[0], typ.Bits())
	}
	switch {
	case typed:
	case v.CanInt() && v.Int() >= math.MinInt32:
		return int32(v.Int()), nil
	case v.CanUint() && v.Uint() <= math.MaxUint32:
		return uint32(v.Uint()), nil
	}
	return v.Interface(), nil
}

// setInteger sets v, of any type of integers, unless the number in text does not fit.
func setInteger(v reflect.Value, text string) error {
	if v.CanInt() {
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(i)
		return err
	}
	u, err := strconv.ParseUint(text, 10, v.Type().Bits())
	v.SetUint(u)
	return err
}

// float reads a finite number, as f64 where old is one, else as f32.
func float(text string, old any) (any, error) {
	bits := 32
	if _, ok := old.(float64); ok {
		bits = 64
	}
	x, err := strconv.ParseFloat(text, bits)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, fmt.Errorf("%q is not a finite number that fits in f%d", text, bits)
	}
	if bits == 64 {
		return x, nil
	}
	return float32(x), nil
}
