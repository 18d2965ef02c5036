package gguf

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
)

func TestMetadataOrder(t *testing.T) {
	m := &Metadata{}
	m.Set("a", "1")
	m.Set("b", "2")
	m.Set("c", "3")
	m.Set("a", "4")
	c := m.Clone()
	m.Delete("b")
	m.Delete("none")
	m.Set("b", "5")
	if got := m.Keys(); !reflect.DeepEqual(got, []string{"a", "c", "b"}) {
		t.Errorf("keys %q", got)
	}
	if got := c.Keys(); !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Errorf("the clone's keys %q", got)
	}
	if v, _ := c.Get("b"); v != "2" {
		t.Errorf("the clone's b is %v", v)
	}
	if v, _ := m.Get("a"); v != "4" || m.Len() != 3 {
		t.Errorf("a is %v of %d", v, m.Len())
	}
	var none *Metadata
	if _, ok := none.Get("a"); ok || none.Len() != 0 || none.Keys() != nil || none.Clone().Len() != 0 {
		t.Error("a nil Metadata is not empty")
	}
}

// TestTyped calls every getter on every type of value: the right ones convert, all others fail and name the key.
func TestTyped(t *testing.T) {
	values := []any{
		uint8(1), int8(1), uint16(1), int16(1), uint32(1), int32(1), float32(1), true, "1", uint64(1), int64(1), float64(1),
		[]uint8{1}, []int8{1}, []uint16{1}, []int16{1}, []uint32{1}, []int32{1}, []float32{1}, []bool{true}, []string{"1"},
		[]uint64{1}, []int64{1}, []float64{1}, []any{}, int8(-1), int64(-1), []uint64{math.MaxUint64},
	}
	getters := []struct {
		name string
		get  func(m *Metadata, key string) (any, bool, error)
		want any
		from string // TypeNames that convert
	}{
		{"Uint", func(m *Metadata, k string) (any, bool, error) { return three(m.Uint(k)) }, uint64(1), "u8 i8 u16 i16 u32 i32 u64 i64"},
		{"Float", func(m *Metadata, k string) (any, bool, error) { return three(m.Float(k)) }, float64(1), "f32 f64"},
		{"Bool", func(m *Metadata, k string) (any, bool, error) { return three(m.Bool(k)) }, true, "bool"},
		{"String", func(m *Metadata, k string) (any, bool, error) { return three(m.String(k)) }, "1", "str"},
		{"Strings", func(m *Metadata, k string) (any, bool, error) { return three(m.Strings(k)) }, []string{"1"}, "arr[str]"},
		{"Ints", func(m *Metadata, k string) (any, bool, error) { return three(m.Ints(k)) }, []int64{1},
			"arr[u8] arr[i8] arr[u16] arr[i16] arr[u32] arr[i32] arr[u64] arr[i64]"},
		{"Floats", func(m *Metadata, k string) (any, bool, error) { return three(m.Floats(k)) }, []float64{1}, "arr[f32] arr[f64]"},
	}
	for _, g := range getters {
		if _, ok, err := g.get(&Metadata{}, "k"); ok || err != nil {
			t.Errorf("%s of an absent key: %v, %v", g.name, ok, err)
		}
		for i, v := range values {
			m := &Metadata{}
			m.Set("some.key", v)
			got, ok, err := g.get(m, "some.key")
			if converts(g.from, TypeName(v)) && i < len(values)-3 {
				if !ok || err != nil || !reflect.DeepEqual(got, g.want) {
					t.Errorf("%s of %T: %v, %v, %v", g.name, v, got, ok, err)
				}
			} else if ok || !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "some.key") {
				t.Errorf("%s of %T %v: %v, %v, %v; want an error", g.name, v, v, got, ok, err)
			}
		}
	}
}

func TestTypeName(t *testing.T) {
	for want, v := range map[string]any{"u8": uint8(0), "arr[arr]": []any{}, "arr[f64]": []float64{}, "str": "", "struct {}": struct{}{}} {
		if got := TypeName(v); got != want {
			t.Errorf("%T: %s, want %s", v, got, want)
		}
	}
	if got := valueType(13).String(); got != "type 13" {
		t.Error(got)
	}
}

func three[T any](v T, ok bool, err error) (any, bool, error) { return v, ok, err }

func converts(list, name string) bool { return slices.Contains(strings.Fields(list), name) }
