package pyjson

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

type target struct {
	Int      int                `json:"int"`
	Small    int32              `json:"small"`
	Unsigned *uint64            `json:"unsigned"`
	Float    *float64           `json:"float"`
	Single   float32            `json:"single"`
	Bool     bool               `json:"bool"`
	Text     string             `json:"text"`
	Ints     []int              `json:"ints"`
	Pair     [2]string          `json:"pair"`
	Table    map[string]float64 `json:"table"`
	Raw      json.RawMessage    `json:"raw"`
	Any      any                `json:"any"`
	Bytes    []byte             `json:"bytes"`
	Inner    *target            `json:"inner"`
	Untagged string
	embedded
}

type embedded struct {
	Deep *int `json:"deep"`
}

func number[T any](v T) *T { return &v }

func TestUnmarshal(t *testing.T) {
	for _, c := range []struct {
		text string
		want target
	}{
		{"\xef\xbb\xbf{\"int\": 3}", target{Int: 3}},
		{"\xff\xfe{\x00\"\x00i\x00n\x00t\x00\"\x00:\x003\x00}\x00", target{Int: 3}},
		{"\xfe\xff\x00{\x00\"\x00i\x00n\x00t\x00\"\x00:\x003\x00}", target{Int: 3}},
		{`{"int": 20.0, "small": 2e1, "unsigned": 18446744073709551615}`,
			target{Int: 20, Small: 20, Unsigned: number(uint64(math.MaxUint64))}},
		{`{"int": -0.0, "small": -2147483648}`, target{Small: math.MinInt32}},
		{`{"int": "20", "small": " 20.0 ", "float": "1e4", "single": "0.5"}`,
			target{Int: 20, Small: 20, Float: number(1e4), Single: .5}},
		{`{"unsigned": 7e0, "float": 3}`, target{Unsigned: number(uint64(7)), Float: number(3.)}},
		{`{"int": 9007199254740993}`, target{Int: 9007199254740993}}, // not a float64
		{`{"bool": 1}`, target{Bool: true}},
		{`{"deep": 7, "int": 1}`, target{Int: 1, embedded: embedded{number(7)}}},
		{`{"bool": "True"}`, target{Bool: true}},
		{`{"bool": true, "bool": 0}`, target{}},
		{`{"int": 1, "int": 2, "ints": [1, 2, 3], "ints": [4]}`, target{Int: 2, Ints: []int{4}}},
		{`{"inner": {"int": 1, "text": "a"}, "inner": {"text": "b"}}`, target{Inner: &target{Text: "b"}}},
		{`{"inner": {"int": 1}, "inner": null}`, target{}},
		{`{"table": {"a": 1, "b": 2, "a": 3}, "table": {"c": 1, "c": 2}}`, target{Table: map[string]float64{"c": 2}}},
		{`{"any": {"a": [NaN, 1], "a": [1, null, true, "x"]}}`,
			target{Any: map[string]any{"a": []any{1., nil, true, "x"}}}},
		{`{"any": [Infinity, -Infinity, 1e999, {"__float__": "-Infinity"}]}`,
			target{Any: []any{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}}},
		{`{"pair": ["a", "b"], "raw": [ NaN ], "bytes": "AQI="}`,
			target{Pair: [2]string{"a", "b"}, Raw: []byte("[ NaN ]"), Bytes: []byte{1, 2}}},
		{`{"text": "\u00e9\ud83d\ude00\n\"\\\/ \\ud800", "TEXT": "no", "untagged": "yes", "other": {"a": [{}, [], -0.5e-3]}}`,
			target{Text: "é😀\n\"\\/ \\ud800", Untagged: "yes"}},
		{`{"text": "` + "\uFFFD" + `"}`, target{Text: "\uFFFD"}},
		{` {"float": null, "ints": null, "text": null} `, target{}},
	} {
		var got target
		err := Unmarshal([]byte(c.text), &got)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
}

// A value that does not fit costs nothing but itself.
func TestMisfits(t *testing.T) {
	for _, c := range []struct{ value, says string }{
		{`"int": "many"`, "int holds a string where a whole number belongs"},
		{`"int": 20.5`, "int holds 20.5 where a whole number belongs"},
		{`"int": Infinity`, "int holds Infinity where a whole number belongs"},
		{`"int": NaN`, "int holds NaN where a whole number belongs"},
		{`"int": true`, "int holds true where a whole number belongs"},
		{`"int": 1e300`, "int holds 1e300, which is out of range"},
		{`"small": 3000000000`, "small holds 3000000000, which is out of range"},
		{`"unsigned": -1`, "unsigned holds -1, which is out of range"},
		{`"float": NaN`, "float holds NaN where a finite number belongs"},
		{`"float": {"__float__": "Infinity"}`, "float holds Infinity where a finite number belongs"},
		{`"float": {}`, "float holds an object where a number belongs"},
		{`"float": ""`, "float holds a string where a number belongs"},
		{`"single": 1e39`, "single holds 1e39, which is too large"},
		{`"bool": "false"`, "bool holds a string where true or false belongs"},
		{`"bool": 2`, "bool holds 2 where true or false belongs"},
		{`"text": 5`, "text holds 5 where a string belongs"},
		{`"text": "` + "\xe9" + `"`, "text holds text that is not Unicode"},
		{`"text": "\udc00\ud83d"`, "text holds text that is not Unicode"},
		{`"ints": [1, 2, "x"]`, "ints[2] holds a string where a whole number belongs"},
		{`"ints": 1`, "ints holds 1 where a list belongs"},
		{`"pair": ["a"]`, "pair holds a list of 1 where 2 values belong"},
		{`"pair": ["a", "b", "c"]`, "pair holds a list of 3 where 2 values belong"},
		{`"table": {"a": []}`, "table.a holds a list where a number belongs"},
		{`"inner": {"inner": {"int": []}}`, "inner.inner.int holds a list where a whole number belongs"},
		{`"inner": "x"`, "inner holds a string where an object belongs"},
		{`"bytes": "***"`, "bytes holds a string that is not base64"},
		{`"any": {"a": ["` + "\xff" + `"]}`, "any.a[0] holds text that is not Unicode"},
	} {
		got := target{}
		err := Unmarshal([]byte(`{`+c.value+`, "Untagged": "kept"}`), &got)
		var misfits Misfits
		if !errors.As(err, &misfits) || len(misfits) != 1 || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v", c.value, err)
		}
		if got.Untagged != "kept" || got.Int != 0 || got.Float != nil || got.Ints != nil {
			t.Errorf("%s: %+v", c.value, got)
		}
		warnings, fatal := Lenient("f.json", err)
		if fatal != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "f.json: "+c.says) {
			t.Errorf("%s: %q, %v", c.value, warnings, fatal)
		}
		if err := Corrupt("f.json", err); !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s: %v", c.value, err)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{``, "JSON at byte 0: the text ends where a value belongs; it is cut short"},
		{`{`, "JSON at byte 1: the text ends where a key in quotes belongs; it is cut short"},
		{`{"a"`, `JSON at byte 4: the text ends where ':' belongs; it is cut short`},
		{`{"a": 1`, `JSON at byte 7: the text ends where a comma or '}' belongs; it is cut short`},
		{`{"a": 1,}`, "JSON at byte 8: '}' where a key in quotes belongs"},
		{`[1,]`, "JSON at byte 3: ']' where a value belongs"},
		{`{a: 1}`, "JSON at byte 1: 'a' where a key in quotes belongs"},
		{`{"a": 01}`, "JSON at byte 7: '1' where a comma or '}' belongs"},
		{`{"a": .5}`, "JSON at byte 6: '.' where a value belongs"},
		{`{"a": 1.}`, "JSON at byte 7: '.' where a comma or '}' belongs"},
		{`{"a": +1}`, "JSON at byte 6: '+' where a value belongs"},
		{`{"a": nan}`, "JSON at byte 6: 'n' where a value belongs"},
		{`{"a": None}`, "JSON at byte 6: 'N' where a value belongs"},
		{`{"a": 'x'}`, `JSON at byte 6: '\'' where a value belongs`},
		{`{"a": "x`, "JSON at byte 8: the text ends inside a string; it is cut short"},
		{`{"a": "\`, "JSON at byte 8: the text ends inside a string; it is cut short"},
		{`{"a": "\x"}`, `JSON at byte 7: "\\x" is not an escape of JSON`},
		{`{"a": "\u12g4"}`, `JSON at byte 7: \u without four hexadecimal digits behind it`},
		{"{\"a\": \"x\ny\"}", "JSON at byte 8: a control character (0x0a) inside a string"},
		{`{} {}`, "JSON at byte 3: something follows the JSON value"},
		{strings.Repeat("[", 2000), "JSON at byte 1001: more than 1000 objects and lists lie in each other"},
	} {
		for _, v := range []any{new(any), new(json.RawMessage), new(target)} {
			err := Unmarshal([]byte(c.text), v)
			if err == nil || err.Error() != c.says {
				t.Errorf("%q into %T: %v", c.text, v, err)
			}
		}
	}
}

// FuzzUnmarshal: whatever encoding/json takes is decoded to the same values.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"a": [1, 2.5e-3, "x\n\ud83d\ude00", null, true], "": {}}`))
	f.Add([]byte(`"\ud800\u0041"`))
	f.Add([]byte("[NaN, -Infinity, \"\xff\"]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var want, got any
		var raw json.RawMessage
		err := Unmarshal(data, &got)
		_, bad := err.(*SyntaxError)
		_, badRaw := Unmarshal(data, &raw).(*SyntaxError)
		if bad != badRaw {
			t.Fatalf("%q: decoded %v, skipped %v", data, err, badRaw)
		}
		var typed target
		_ = Unmarshal(data, &typed)
		if json.Unmarshal(data, &want) != nil || strings.Contains(string(data), floatTag) {
			return
		}
		if bad && !strings.Contains(err.Error(), "lie in each other") {
			t.Fatalf("%q: %v", data, err)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v", data, got, want)
		}
	})
}
