package imatrix

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

func TestCheck(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		e    Entry
		says string // empty: good
	}{
		{Entry{"a", []float32{0, 1, 2, math.MaxFloat32}, []float32{0, 5}}, ""},
		{Entry{"a", []float32{1, 1, 1, nan}, []float32{1, 5}}, "entry a: the sum of matrix 1, column 1 is NaN"},
		{Entry{"a", []float32{inf, 1, 1, 1}, []float32{1, 5}}, "matrix 0, column 0 is +Inf"},
		{Entry{"a", []float32{1, -1}, []float32{1}}, "column 1 is -1"},
		{Entry{"a", []float32{1, -inf}, []float32{1}}, "column 1 is -Inf"},
		{Entry{"a", []float32{1}, []float32{-1}}, "the count of matrix 0 is -1"},
		{Entry{"a", []float32{1, 1}, []float32{1, inf}}, "the count of matrix 1 is +Inf"},
		{Entry{"a", []float32{1}, nil}, "1 sums for 0 counts"},
	} {
		err := (&Matrix{Entries: []Entry{{"0", []float32{1}, []float32{1}}, c.e}}).Check()
		if c.says == "" && err != nil {
			t.Errorf("%+v: %v", c.e, err)
		}
		if c.says != "" && (!errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%+v: %v; want an error that says %q", c.e, err, c.says)
		}
	}
}

func TestCoverage(t *testing.T) {
	m := &Matrix{Entries: []Entry{
		{"dense", []float32{1, 0, 2}, []float32{10}},
		{"experts", []float32{1, 2, 0, 0, 0, 3, 5, 6}, []float32{4, 0, 7, 9}},
		{"full", []float32{1}, []float32{1}},
	}}
	got := m.Coverage()
	want := []Coverage{
		{"dense", 1, 0, 3, 1, 10, 10},
		{"experts", 4, 1, 8, 1, 0, 9},
		{"full", 1, 0, 1, 0, 1, 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got[0].Full() || got[1].Full() || !got[2].Full() {
		t.Error("Full")
	}
}

func TestMatch(t *testing.T) {
	tensor := func(name string, shape ...int64) formats.Tensor {
		return formats.Tensor{Name: name, Type: formats.F16, Shape: shape}
	}
	m := &Matrix{Entries: []Entry{
		{"blk.0.a.weight", make([]float32, 4), []float32{1}},
		{"blk.0.b_exps.weight", make([]float32, 12), []float32{1, 1, 1}},
		{"blk.0.c_exps.weight", make([]float32, 12), []float32{1}}, // one count for all, as in legacy files
		{"blk.9.a.weight", make([]float32, 4), []float32{1}},
	}}
	model := []formats.Tensor{
		tensor("token_embd.weight", 4, 100), tensor("blk.0.a.weight", 4, 8), tensor("blk.0.norm.weight", 4),
		tensor("blk.0.b_exps.weight", 4, 8, 3), tensor("blk.0.c_exps.weight", 4, 8, 3), tensor("blk.0.d.weight", 4, 8),
	}
	missing, unknown, err := m.Match(model)
	if err != nil || !reflect.DeepEqual(missing, []string{"blk.0.d.weight"}) || !reflect.DeepEqual(unknown, []string{"blk.9.a.weight"}) {
		t.Errorf("missing %q, unknown %q, %v", missing, unknown, err)
	}
	for _, other := range []formats.Tensor{
		tensor("blk.0.a.weight", 5, 8), tensor("blk.0.a.weight", 4, 8, 2), tensor("blk.0.b_exps.weight", 4, 8, 4),
		tensor("blk.0.b_exps.weight", 6, 8, 2), // 12 sums too, but three counts
	} {
		if _, _, err := m.Match([]formats.Tensor{other}); err == nil || !strings.Contains(err.Error(), other.Name) || !strings.Contains(err.Error(), "another model") {
			t.Errorf("%+v: %v", other, err)
		}
	}
}
