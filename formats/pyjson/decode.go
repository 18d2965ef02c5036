package pyjson

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Unmarshal decodes data into v, a pointer, by the rules of encoding/json for types and tags, with these differences: a
// tag is matched letter by letter, a list for an array must have its length, and values are read as the package says.
// Numbers for an any are float64, not finite ones included; for another type they must be finite and fit. The error is
// a *SyntaxError, or Misfits when everything else has been decoded.
func Unmarshal(data []byte, v any) (err error) {
	data = trimMark(data)
	d := decoder{scanner: scanner{data: data}}
	defer func() {
		if r := recover(); r != nil {
			syntax, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			err = syntax
		}
	}()
	d.value(reflect.ValueOf(v).Elem())
	if d.space(); d.at < len(d.data) {
		d.fail(d.at, "something follows the JSON value")
	}
	if len(d.misfits) > 0 {
		return d.misfits
	}
	return nil
}

// decoder decodes while it scans.
type decoder struct {
	scanner
	path    []step
	misfits Misfits
}

// step is a key of an object, or a position in a list.
type step struct {
	key   string
	index int // -1 for a key
}

// misfit notes that the value at an offset does not fit.
func (d *decoder) misfit(at int, format string, args ...any) {
	var key strings.Builder
	for _, s := range d.path {
		switch {
		case s.index >= 0:
			fmt.Fprintf(&key, "[%d]", s.index)
		case key.Len() > 0:
			key.WriteString("." + s.key)
		default:
			key.WriteString(s.key)
		}
	}
	d.misfits = append(d.misfits, Misfit{key.String(), fmt.Sprintf(format, args...), int64(at)})
}

// wrong skips a value of a wrong kind and notes it.
func (d *decoder) wrong(t reflect.Type) {
	c := d.space()
	start := d.at
	text := d.skip()
	d.misfit(start, "%s where %s belongs", kindOf(c, text), wanted(t))
}

// kindOf names a value by its first byte.
func kindOf(c byte, text []byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	}
	return string(text)
}

// wanted names the values that a Go type is read from.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		if t == bytesType {
			return "a string of base64"
		}
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

var (
	rawType   = reflect.TypeFor[json.RawMessage]()
	bytesType = reflect.TypeFor[[]byte]()
)

// value decodes the next value into v. null clears pointers, maps, lists and anys and leaves the rest alone.
func (d *decoder) value(v reflect.Value) {
	c := d.space()
	t := v.Type()
	if t == rawType {
		v.SetBytes(d.skip())
		return
	}
	if c == 'n' {
		d.scalar()
		switch t.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
			v.SetZero()
		}
		return
	}
	switch t.Kind() {
	case reflect.Interface:
		if x := d.any(); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.Pointer:
		d.pointer(v)
	case reflect.Struct:
		d.object(v, c)
	case reflect.Map:
		d.mapping(v, c)
	case reflect.Slice:
		d.slice(v, c)
	case reflect.Array:
		d.array(v, c)
	case reflect.String:
		if c != '"' {
			d.wrong(t)
			return
		}
		v.SetString(d.string())
	case reflect.Bool:
		d.bool(v, c)
	default:
		d.number(v, c)
	}
}

// pointer decodes into a new value; the pointer stays as it is when that does not fit.
func (d *decoder) pointer(v reflect.Value) {
	before := len(d.misfits)
	p := reflect.New(v.Type().Elem())
	d.value(p.Elem())
	if k := v.Type().Elem().Kind(); len(d.misfits) == before || k == reflect.Struct {
		v.Set(p)
	}
}

// object decodes into a struct. Its values are found first, so that the last one of a key counts.
func (d *decoder) object(v reflect.Value, c byte) {
	if c != '{' {
		d.wrong(v.Type())
		return
	}
	fields := fieldsOf(v.Type())
	found := make([]int, len(fields)) // where the values begin
	d.enter()
	for first := true; d.more(first, '}'); first = false {
		key := unquote(d.key())
		d.space()
		if i := fields.find(key); i >= 0 {
			found[i] = d.at
		}
		d.skip()
	}
	end, depth := d.at, d.depth
	for i, at := range found {
		if at > 0 {
			d.at, d.depth = at, depth+1
			d.step(step{fields[i].name, -1}, v.FieldByIndex(fields[i].index))
		}
	}
	d.at, d.depth = end, depth
}

// step decodes one entry of an object or a list.
func (d *decoder) step(s step, v reflect.Value) {
	d.path = append(d.path, s)
	d.value(v)
	d.path = d.path[:len(d.path)-1]
}

// mapping decodes into a map by text. A value that does not fit has no entry.
func (d *decoder) mapping(v reflect.Value, c byte) {
	if c != '{' {
		d.wrong(v.Type())
		return
	}
	m := reflect.MakeMap(v.Type())
	elem := reflect.New(v.Type().Elem()).Elem()
	d.enter()
	for first := true; d.more(first, '}'); first = false {
		at := d.at
		text := d.key()
		key := d.content(text, at)
		before := len(d.misfits)
		elem.SetZero()
		d.step(step{key, -1}, elem)
		if len(d.misfits) == before {
			m.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), elem)
		}
	}
	v.Set(m)
}

// slice decodes a list, or base64 into bytes. A list with a value that does not fit is left out as a whole: its other
// values would move to other places.
func (d *decoder) slice(v reflect.Value, c byte) {
	t := v.Type()
	if t == bytesType && c == '"' {
		at := d.at
		b, err := base64.StdEncoding.DecodeString(d.string())
		if err != nil {
			d.misfit(at, "a string that is not base64")
			return
		}
		v.SetBytes(b)
		return
	}
	if c != '[' || t == bytesType {
		d.wrong(t)
		return
	}
	before, n := len(d.misfits), 0
	list := reflect.New(t).Elem()
	list.Set(reflect.MakeSlice(t, 0, 4))
	d.enter()
	for first := true; d.more(first, ']'); first = false {
		if len(d.misfits) > before {
			d.skip()
			continue
		}
		if n == list.Cap() {
			list.Grow(n)
		}
		list.SetLen(n + 1)
		d.step(step{index: n}, list.Index(n))
		n++
	}
	if len(d.misfits) == before {
		v.Set(list)
	}
}

// array decodes a list of as many values as the array has.
func (d *decoder) array(v reflect.Value, c byte) {
	if c != '[' {
		d.wrong(v.Type())
		return
	}
	at, n := d.at, 0
	d.enter()
	for first := true; d.more(first, ']'); first = false {
		if n < v.Len() {
			d.step(step{index: n}, v.Index(n))
		} else {
			d.skip()
		}
		n++
	}
	if n != v.Len() {
		d.misfit(at, "a list of %d where %d values belong", n, v.Len())
	}
}

// field is a field of a struct.
type field struct {
	name  string // of the key
	fold  bool   // the name is not a tag: its letters may be small or large
	index []int  // within embedded structs
}

type fields []field

func fieldsOf(t reflect.Type) (all fields) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct: // its keys stand among the others
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
		case !f.IsExported() || name == "-":
		case name == "":
			all = append(all, field{f.Name, true, []int{i}})
		default:
			all = append(all, field{name, false, []int{i}})
		}
	}
	return all
}

func (f fields) find(key string) int {
	for i := range f {
		if f[i].name == key || f[i].fold && strings.EqualFold(f[i].name, key) {
			return i
		}
	}
	return -1
}
