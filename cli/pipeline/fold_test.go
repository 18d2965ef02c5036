package pipeline

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats/imatrix"
)

// TestFold: many warnings of one kind are one, few stay, and the order is kept.
func TestFold(t *testing.T) {
	var many []string
	for i := range 180 {
		many = append(many, fmt.Sprintf("tensor blk.%d.ffn_up.weight is larger than the limit of a shard", i))
	}
	few := []string{"a.txt is not text", "b.txt is not text", "something else"}
	got := Fold(append(append([]string{"first"}, many...), few...))
	want := append([]string{"first", many[0] + " (and 179 more warnings of this kind)"}, few...)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Fold(few); !reflect.DeepEqual(got, few) {
		t.Errorf("%q, want %q", got, few)
	}
}

// TestZeroColumns: gaps in any number of tensors are one warning with their sums.
func TestZeroColumns(t *testing.T) {
	m := &imatrix.Matrix{Windows: 1, WindowSize: 8}
	if got := ZeroColumns(m); got != nil {
		t.Errorf("no gaps: %q", got)
	}
	add := func(i, zero int) {
		e := imatrix.Entry{Name: fmt.Sprintf("blk.%d.ffn_up.weight", i), Counts: []float32{8},
			SumSquares: make([]float32, 576)}
		for k := zero; k < len(e.SumSquares); k++ {
			e.SumSquares[k] = 1
		}
		m.Entries = append(m.Entries, e)
	}
	add(0, 0)
	add(1, 192)
	want := "the calibration text never used 192 of 576 columns, and 0 of 1 matrices, of blk.1.ffn_up.weight"
	if got := ZeroColumns(m); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	for i := range 179 {
		add(i+2, 192)
	}
	want = "the calibration text never used 34560 of 103680 columns, and 0 of 180 matrices, of 180 tensors: " +
		"blk.1.ffn_up.weight to blk.180.ffn_up.weight"
	if got := ZeroColumns(m); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", strings.Join(got, "\n"), want)
	}
}
