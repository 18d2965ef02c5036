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
