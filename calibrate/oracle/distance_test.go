package oracle

import (
	"math"
	"testing"
)

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	want := [][]float32{{3, 4, 0}, {0, 0, 5}}
	for _, c := range []struct {
		name   string
		got    [][]float32
		relRMS float64
		agree  int
	}{
		{"equal", [][]float32{{3, 4, 0}, {0, 0, 5}}, 0, 2},
		{"off by one", [][]float32{{3, 4, 0}, {0, 1, 5}}, math.Sqrt(1.0 / 50), 2},
		{"another maximum", [][]float32{{5, 4, 0}, {0, 0, 5}}, math.Sqrt(4.0 / 50), 1},
		{"zero", [][]float32{{0, 0, 0}, {0, 0, 0}}, 1, 0},
		{"NaN", [][]float32{{3, 4, nan}, {0, 0, 5}}, math.NaN(), 2},
		{"infinity", [][]float32{{inf, 4, 0}, {0, 0, 5}}, math.Inf(1), 1},
		{"a row short", [][]float32{{3, 4, 0}}, math.NaN(), 1},
		{"a column short", [][]float32{{3, 4}, {0, 0, 5}}, math.NaN(), 1},
		{"nothing", nil, math.NaN(), 0},
	} {
		relRMS, agree := Compare(want, c.got)
		if !(math.Abs(relRMS-c.relRMS) < 1e-12) && !(math.IsNaN(relRMS) && math.IsNaN(c.relRMS)) && relRMS != c.relRMS {
			t.Errorf("%s: relRMS %g, want %g", c.name, relRMS, c.relRMS)
		}
		if agree != c.agree {
			t.Errorf("%s: %d rows agree, want %d", c.name, agree, c.agree)
		}
	}
	if relRMS, agree := Compare(nil, nil); relRMS != 0 || agree != 0 {
		t.Errorf("nothing with nothing: %g, %d", relRMS, agree)
	}
}
