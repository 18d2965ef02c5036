package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// spread makes activations of very different sizes, some columns of zeros and some with a value far above the others.
func spread(rng *rand.Rand, n, cols int) []float32 {
	x := randomFloats(rng, n*cols)
	for t := range n {
		for j := range cols {
			switch v := &x[t*cols+j]; {
			case j%11 == 3:
				*v = 0
			case j%7 == 2 && t%100 == 5:
				*v *= 1000
			case j%5 == 1:
				*v *= 1e-20
			case j == 4:
				*v *= 1e-38 // no scale has an inverse
			}
		}
	}
	return x
}

// load makes Columns of x with a Set.
func load(t *testing.T, s *Set, x []float32, n, cols int) *Columns {
	t.Helper()
	c := new(Columns)
	c.Reset(n, cols)
	for b := range c.Blocks() {
		if err := s.LoadColumns(c, b, x[b*ColumnTokens*cols:min(n, (b+1)*ColumnTokens)*cols]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestColumns: every Set rounds the columns and adds the products to the same bits, and these are near to those of the
// activations.
func TestColumns(t *testing.T) {
	rng := random(31)
	for _, n := range []int{1, 127, 128, 300, 9*ColumnTokens + 1} {
		for _, cols := range [][2]int{{16, 16}, {1, 40}, {33, 17}, {64, 48}} {
			x, y := spread(rng, n, cols[0]), spread(rng, n, cols[1])
			a, b := load(t, generic, x, n, cols[0]), load(t, generic, y, n, cols[1])
			want := randomFloats(rng, a.Panels()*lanes*b.Panels()*lanes)
			start := slices.Clone(want)
			if err := generic.AddProducts(want, a, b, 0, a.Panels(), 0, b.Panels()); err != nil {
				t.Fatal(err)
			}
			for i := range cols[0] {
				for j := range cols[1] {
					sum, left, right := 0.0, 0.0, 0.0
					for k := range n {
						u, v := float64(x[k*cols[0]+i]), float64(y[k*cols[1]+j])
						sum, left, right = sum+u*v, left+u*u, right+v*v
					}
					at := (j/lanes*a.Panels()*lanes+i)*lanes + j%lanes
					got := float64(want[at]) - float64(start[at])
					if !(math.Abs(got-sum) <= 0.03*math.Sqrt(left*right)+1e-6*math.Abs(float64(start[at]))) {
						t.Fatalf("%d tokens, columns %d and %d: %g, want %g", n, i, j, got, sum)
					}
				}
			}
			for _, s := range Available() {
				c, d := load(t, s, x, n, cols[0]), load(t, s, y, n, cols[1])
				if !slices.Equal(c.records, a.records) || !slices.Equal(d.records, b.records) {
					t.Fatalf("%s, %d tokens: other codes than plain Go", s.Name, n)
				}
				got := slices.Clone(start)
				for p := range c.Panels() { // one after the other
					for q := range d.Panels() {
						if err := s.AddProducts(got, c, d, p, p+1, q, q+1); err != nil {
							t.Fatal(err)
						}
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s, %d tokens: other sums than plain Go", s.Name, n)
				}
			}
		}
	}
}

// TestColumnsOfNonsense: with a value that is not finite no sum of its column is.
func TestColumnsOfNonsense(t *testing.T) {
	for _, s := range Available() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
			x := randomFloats(random(32), 200*16)
			x[150*16+3] = bad
			c := load(t, s, x, 200, 16)
			dst := make([]float32, 16*16)
			if err := s.AddProducts(dst, c, c, 0, 1, 0, 1); err != nil {
				t.Fatal(err)
			}
			for at, v := range dst {
				if finite := v-v == 0; finite == (at/16 == 3 || at%16 == 3) {
					t.Errorf("%s, %g: the sum of columns %d and %d is %g", s.Name, bad, at/16, at%16, v)
				}
			}
		}
		c := load(t, s, make([]float32, 200*16), 200, 16)
		if s.LoadColumns(c, 2, nil) == nil || s.LoadColumns(c, 1, make([]float32, 71*16)) == nil {
			t.Errorf("%s: tokens that do not exist can be loaded", s.Name)
		}
		if s.AddProducts(make([]float32, 255), c, c, 0, 1, 0, 1) == nil ||
			s.AddProducts(make([]float32, 512), c, c, 0, 2, 0, 1) == nil {
			t.Errorf("%s: products that do not fit", s.Name)
		}
	}
}

func BenchmarkColumns(b *testing.B) {
	const n, cols = 8192, 512
	x := randomFloats(random(33), n*cols)
	for _, s := range Available()[1:] {
		c := new(Columns)
		c.Reset(n, cols)
		b.Run(s.Name+"/load", func(b *testing.B) {
			b.SetBytes(4 * n * cols)
			for b.Loop() {
				for i := range c.Blocks() {
					_ = s.LoadColumns(c, i, x[i*ColumnTokens*cols:][:ColumnTokens*cols])
				}
			}
		})
		b.Run(s.Name+"/products", func(b *testing.B) {
			dst := make([]float32, cols*cols)
			for b.Loop() {
				for i := 0; i < c.Panels(); i += 8 {
					for j := 0; j < c.Panels(); j += 8 {
						_ = s.AddProducts(dst, c, c, i, i+8, j, j+8)
					}
				}
			}
			b.ReportMetric(2*n*cols*cols*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
		})
	}
}
