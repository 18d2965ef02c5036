package formats

import (
	"errors"
	"testing"
)

func TestTable(t *testing.T) {
	for i, r := range table {
		if i > 0 && r.Type <= table[i-1].Type {
			t.Errorf("%s is not in order", r.Name)
		}
		if got, err := ParseType(r.Name); err != nil || got != r.Type {
			t.Errorf("ParseType(%s) = %v, %v", r.Name, got, err)
		}
		if r.Type.String() != r.Name || r.Block < 1 || r.Bytes < 1 {
			t.Errorf("bad row %+v", r)
		}
	}
}

func TestRowBytes(t *testing.T) {
	for _, c := range []struct {
		t    Type
		cols int64
		want int64
	}{{F32, 3, 12}, {Q4_K, 512, 288}, {Q8_0, 32, 34}, {Q6_K, 256, 210}, {BF16, 0, 0}} {
		if got, err := c.t.RowBytes(c.cols); err != nil || got != c.want {
			t.Errorf("%s.RowBytes(%d) = %d, %v, want %d", c.t, c.cols, got, err, c.want)
		}
	}
	for _, c := range []struct {
		t    Type
		cols int64
	}{{Q4_K, 288}, {Type(999), 256}, {Q8_0, -32}} {
		if _, err := c.t.RowBytes(c.cols); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s.RowBytes(%d): %v", c.t, c.cols, err)
		}
	}
}

func TestNearest(t *testing.T) {
	for given, want := range map[string]string{"q4km": "Q4_K_M", "Q9_0": "Q8_0", "q3-k-s": "Q3_K_S", "bf-16": "BF16"} {
		if got := Nearest(given, []string{"Q8_0", "Q4_K_M", "Q3_K_S", "Q3_K_M", "BF16"}); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestTensorCheck(t *testing.T) {
	if err := (Tensor{Name: "a", Shape: []int64{1 << 40, 1 << 40}}).Check(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("2^80 elements: %v", err)
	}
	if err := (Tensor{Name: "a", Shape: []int64{4096, -1}}).Check(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a negative dimension: %v", err)
	}
	if err := (Tensor{Name: "a", Shape: []int64{4096, 0, 3}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestTensorIsAStackOfMatrices(t *testing.T) {
	for _, c := range []struct {
		shape                []int64
		dims                 int
		cols, rows, matrices int64
	}{
		{nil, 0, 1, 1, 1},
		{[]int64{1, 1}, 1, 1, 1, 1},
		{[]int64{4}, 1, 4, 1, 1},
		{[]int64{4, 3}, 2, 4, 3, 1},
		{[]int64{4, 1, 2}, 3, 4, 2, 2},
		{[]int64{4, 3, 2}, 3, 4, 6, 2},
		{[]int64{4, 3, 1, 1}, 2, 4, 3, 1},
	} {
		x := Tensor{Shape: c.shape}
		if x.Dims() != c.dims || x.Cols() != c.cols || x.Rows() != c.rows || x.Matrices() != c.matrices {
			t.Errorf("%v: %d dimensions, %d matrices, %d rows of %d", c.shape, x.Dims(), x.Matrices(), x.Rows(), x.Cols())
		}
		if !x.SameShape(Tensor{Shape: append(append([]int64{}, c.shape...), 1)}) != (c.shape == nil) {
			t.Errorf("%v: a trailing 1 makes another shape", c.shape)
		}
	}
	if (Tensor{Shape: []int64{4, 3}}).SameShape(Tensor{Shape: []int64{3, 4}}) {
		t.Error("3x4 is not 4x3")
	}
}

func TestCorruptError(t *testing.T) {
	err := Corruptf("a.gguf", 12, "tensor count", "%d is more than the file holds", 9)
	if !errors.Is(err, ErrCorrupt) || err.Error() != "a.gguf is corrupt at byte 12: tensor count: 9 is more than the file holds" {
		t.Errorf("%v", err)
	}
}
