package gguf

import (
	"encoding/json"
	"math"
	"testing"
)

func TestMarshalJSON(t *testing.T) {
	m := &Metadata{}
	m.Set("z", uint64(math.MaxUint64))
	m.Set("a<b", "c&d")
	m.Set("f", float32(0.1))
	m.Set("nan", math.NaN())
	m.Set("floats", []float32{1, float32(math.Inf(-1)), float32(math.Inf(1))})
	m.Set("doubles", []float64{0.1})
	m.Set("bytes", []uint8{0, 255})
	m.Set("nested", []any{[]uint8{1}, []string{"x"}, []any{[]float64{math.NaN()}}})
	m.Set("bools", []bool{true})
	got, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":18446744073709551615,"a<b":"c&d","f":0.1,"nan":"NaN","floats":[1,"-Inf","+Inf"],"doubles":[0.1],` +
		`"bytes":[0,255],"nested":[[1],["x"],[["NaN"]]],"bools":[true]}`
	if string(got) != want || !json.Valid(got) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m.Set("bad", func() {})
	if _, err := m.MarshalJSON(); err == nil {
		t.Error("a function was written as JSON")
	}
	if got, err := json.Marshal(&Metadata{}); err != nil || string(got) != "{}" {
		t.Errorf("empty: %s, %v", got, err)
	}
}
