package pyjson

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// trimMark removes a byte order mark; text in UTF-16 that begins with one becomes UTF-8.
func trimMark(data []byte) []byte {
	if rest, ok := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); ok {
		return rest
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, len(data)/2-1)
	for i := range units {
		units[i] = order.Uint16(data[2*i+2:])
	}
	return []byte(string(utf16.Decode(units)))
}

// any decodes the next value as Python would: a map, a list, a string, a float64, a bool or nil.
func (d *decoder) any() any {
	switch d.space() {
	case '{':
		m := map[string]any{}
		d.enter()
		for first := true; d.more(first, '}'); first = false {
			at := d.at
			text := d.key()
			key := d.content(text, at)
			d.path = append(d.path, step{key, -1})
			m[key] = d.any()
			d.path = d.path[:len(d.path)-1]
		}
		if word, ok := m[floatTag].(string); ok && len(m) == 1 {
			if f, ok := special(word); ok {
				return f
			}
		}
		return m
	case '[':
		list := []any{}
		d.enter()
		for first := true; d.more(first, ']'); first = false {
			d.path = append(d.path, step{index: len(list)})
			list = append(list, d.any())
			d.path = d.path[:len(d.path)-1]
		}
		return list
	case '"':
		return d.string()
	}
	switch text := d.scalar(); text[0] {
	case 'n':
		return nil
	case 't', 'f':
		return text[0] == 't'
	default:
		f, _ := parseFloat(string(text))
		return f
	}
}

// floatTag is the only key of the object that transformers 5 writes for a float that JSON does not have.
const floatTag = "__float__"

// special reads the name of a float that is not finite.
func special(word string) (float64, bool) {
	switch word {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// parseFloat reads a number; one beyond float64 is infinite, as in Python.
func parseFloat(text string) (float64, bool) {
	if f, ok := special(text); ok {
		return f, true
	}
	if numberLength([]byte(text)) != len(text) || text == "" {
		return 0, false
	}
	f, _ := strconv.ParseFloat(text, 64) // the error is that of a number that is too large, and f infinite
	return f, true
}

// string decodes the next value, a string.
func (d *decoder) string() string {
	at := d.at
	return d.content(d.text(), at)
}

// content is the content of a string in quotes. Bytes that are not UTF-8, and halves of surrogate pairs, become U+FFFD
// and are noted: nothing could write them.
func (d *decoder) content(text []byte, at int) string {
	s := unquote(text)
	if strings.Contains(s, "\uFFFD") && (!utf8.Valid(text) || loneSurrogate(text)) {
		d.misfit(at, "text that is not Unicode (bytes that are not UTF-8, or half of a surrogate pair)")
	}
	return s
}

// loneSurrogate reports whether a string has an escape of half a surrogate pair.
func loneSurrogate(text []byte) bool {
	for i := 0; i+6 <= len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		if text[i] != 'u' {
			continue
		}
		r := hex4(text[i+1 : i+5])
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if i+7 > len(text) || text[i+1] != '\\' || text[i+2] != 'u' ||
			utf16.DecodeRune(r, hex4(text[i+3:i+7])) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// unquote is the content of a valid string with its quotes.
func unquote(text []byte) string {
	text = text[1 : len(text)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b = append(b, text[i])
			continue
		}
		i++
		if text[i] != 'u' {
			b = append(b, escaped[text[i]])
			continue
		}
		r := hex4(text[i+1 : i+5])
		i += 4
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if i+7 <= len(text) && text[i+1] == '\\' && text[i+2] == 'u' {
				low = hex4(text[i+3 : i+7])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		b = utf8.AppendRune(b, r)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// escaped are the bytes by the letters behind a backslash.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// bool decodes true or false; 0 and 1 are what Python takes for them.
func (d *decoder) bool(v reflect.Value, c byte) {
	start := d.at
	switch {
	case c == 't' || c == 'f':
		v.SetBool(d.scalar()[0] == 't')
		return
	case c == '0' || c == '1':
		if text := d.scalar(); len(text) == 1 {
			v.SetBool(c == '1')
			return
		}
		d.at = start
	case c == '"':
		if word := strings.ToLower(d.string()); word == "true" {
			v.SetBool(true) // in Python every string but the empty one is true, "false" too
			return
		}
		d.at = start
	}
	d.wrong(v.Type())
}

// number decodes a number, also in quotes. Whole numbers may be written as floats.
func (d *decoder) number(v reflect.Value, c byte) {
	start := d.at
	var text string
	switch c {
	case '"':
		text = strings.TrimSpace(d.string())
	case '{':
		word := map[string]string{}
		inner := decoder{scanner: scanner{data: d.skip()}}
		inner.mapping(reflect.ValueOf(&word).Elem(), c)
		text = word[floatTag]
	case '[':
	default:
		text = string(d.scalar())
	}
	f, ok := parseFloat(text)
	if !ok {
		d.at = start
		d.wrong(v.Type())
		return
	}
	if v.CanFloat() {
		switch {
		case math.IsInf(f, 0) || math.IsNaN(f):
			d.misfit(start, "%s where a finite number belongs", text)
		case v.OverflowFloat(f):
			d.misfit(start, "%s, which is too large", text)
		default:
			v.SetFloat(f)
		}
		return
	}
	if math.IsNaN(f) || f != math.Trunc(f) || math.IsInf(f, 0) {
		d.misfit(start, "%s where a whole number belongs", text)
		return
	}
	if math.Abs(f) < 1<<53 { // exact, also when it is written as a float
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	n, errInt := strconv.ParseInt(text, 10, 64)
	u, errUint := strconv.ParseUint(text, 10, 64)
	switch {
	case v.CanInt() && errInt == nil && !v.OverflowInt(n):
		v.SetInt(n)
	case v.CanUint() && errUint == nil && !v.OverflowUint(u):
		v.SetUint(u)
	default:
		d.misfit(start, "%s, which is out of range", text)
	}
}
