package block

import "testing"

func TestSquaredError(t *testing.T) {
	x, y, w := []float32{1, 2, 3}, []float32{1, 4, 2}, []float32{5, 1, 2}
	for _, c := range []struct {
		y, w []float32
		want float64
	}{{y, w, 6}, {y, nil, 5}, {nil, w, 27}, {nil, nil, 14}} {
		if got := SquaredError(x, c.y, c.w); got != c.want {
			t.Errorf("SquaredError(%v, %v, %v) = %v, want %v", x, c.y, c.w, got, c.want)
		}
	}
}
