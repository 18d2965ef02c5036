package feedback

import (
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// inputs makes rows of correlated activations, some columns far larger than others and one without any.
func inputs(rng *rand.Rand, n, tokens int) []float32 {
	x := make([]float32, tokens*n)
	for t := range tokens {
		common := rng.NormFloat64()
		for j := range n {
			if j != 5 {
				x[t*n+j] = float32((rng.NormFloat64() + 0.7*common) * math.Exp(math.Sin(float64(j))))
			}
		}
	}
	return x
}

// momentsOf is Σ x·x' by its definition.
func momentsOf(x []float32, n int) []float64 {
	h := make([]float64, n*n)
	for t := 0; t < len(x); t += n {
		for i := range n {
			for j := range n {
				h[i*n+j] += float64(x[t+i]) * float64(x[t+j])
			}
		}
	}
	return h
}

func TestInverseRoot(t *testing.T) {
	const n = 37
	rng := rand.New(rand.NewPCG(1, 0))
	h := square{n, momentsOf(inputs(rng, n, 60), n)}
	order := rng.Perm(n)
	d := h.damped(order, 0.01)
	want := square{n, append([]float64(nil), d.v...)}
	u, err := d.inverseRoot()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range n {
			if j < i && u.v[i*n+j] != 0 {
				t.Fatalf("U is not upper triangular at %d, %d", i, j)
			}
			sum := 0.0 // of U'·U·h
			for k := range n {
				uu := 0.0
				for l := range min(i, k) + 1 {
					uu += u.v[l*n+i] * u.v[l*n+k]
				}
				sum += uu * want.v[k*n+j]
			}
			unit := 0.0
			if i == j {
				unit = 1
			}
			if !(math.Abs(sum-unit) < 1e-9) {
				t.Fatalf("U'U·H is %g at %d, %d", sum, i, j)
			}
		}
	}
	bad := newSquare(3)
	copy(bad.v, []float64{1, 2, 0, 2, 1, 0, 0, 0, 1})
	if _, err := bad.inverseRoot(); err == nil {
		t.Error("a matrix that is not positive definite has a root")
	}
}

// problem is a matrix with its inputs.
type problem struct {
	n, rows int
	h       []float64
	w       []float32
}

func newProblem(n, rows int) *problem {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	p := &problem{n: n, rows: rows, h: momentsOf(inputs(rng, n, 2*n), n), w: make([]float32, rows*n)}
	for i := range p.w {
		p.w[i] = float32(rng.NormFloat64() * 0.02)
	}
	return p
}

// start encodes the matrix as the encoders do.
func (p *problem) start(t testing.TB, typ formats.Type) []byte {
	t.Helper()
	size, err := typ.RowBytes(int64(p.n))
	if err != nil {
		t.Fatal(err)
	}
	importance := make([]float32, p.n)
	for i := range importance {
		importance[i] = float32(p.h[i*p.n+i])
	}
	data := make([]byte, int(size)*p.rows)
	if err := encode.Encode(typ, data, p.w, p.n, importance); err != nil {
		t.Fatal(err)
	}
	return data
}

// Every type gets closer to the target, and never farther in any row, whatever the number of rows.
func TestGridsGetCloser(t *testing.T) {
	pool := infer.NewPool(2)
	defer pool.Close()
	for typ := range formats.Type(64) {
		g := encode.GridOf(typ)
		if g == nil {
			continue
		}
		for _, rows := range []int{1, 19} {
			p := newProblem(256, rows)
			start := p.start(t, typ)
			s, err := NewSolver(kernel.Best(), p.h, p.n, g, 0.01)
			if err != nil {
				t.Fatal(err)
			}
			m := &matrix{run: &run{pool: pool, Options: Options{Kernel: kernel.Best()}}, g: g, typ: typ, rows: rows, n: p.n,
				start: start, solver: s}
			c := m.choose(p.w)
			before, after := make([]float64, rows), make([]float64, rows)
			for r := 0; r < rows; r += blockRows {
				end, size := min(r+blockRows, rows), len(start)/rows
				s.objective(before[r:end], typ, p.w[r*p.n:end*p.n], start[r*size:end*size])
				s.objective(after[r:end], typ, p.w[r*p.n:end*p.n], c.Data[r*size:end*size])
			}
			sum := [2]float64{}
			for r := range before {
				sum[0], sum[1] = sum[0]+before[r], sum[1]+after[r]
				if after[r] > before[r] {
					t.Errorf("%v: row %d got worse: %g, was %g", typ, r, after[r], before[r])
				}
			}
			t.Logf("%v, %d rows: %.3f", typ, rows, c.After/c.Before)
			if !(c.After < 0.8*c.Before) || math.Abs(c.After-sum[1]) > 1e-9*sum[1] || math.Abs(c.Before-sum[0]) > 1e-9*sum[0] {
				t.Errorf("%v, %d rows: %g of %g, want at most 0.8; the data give %v", typ, rows, c.After, c.Before, sum)
			}
		}
	}
}

// The correction is the least-squares solution, damped.
func TestCorrect(t *testing.T) {
	p := newProblem(64, 21)
	s, err := NewSolver(kernel.Best(), p.h, p.n, encode.GridOf(formats.Q3_K), 0.01)
	if err != nil {
		t.Fatal(err)
	}
	pool := infer.NewPool(2)
	defer pool.Close()
	rng := rand.New(rand.NewPCG(9, 0))
	want := make([]float32, p.rows*p.n)
	for i := range want {
		want[i] = float32(rng.NormFloat64())
	}
	natural := make([]int, p.n)
	for i := range natural {
		natural[i] = i
	}
	d := square{p.n, p.h}.damped(natural, 0.01)
	move := make([]float32, len(want)) // (want - w)·H
	for r := range p.rows {
		for j := range p.n {
			sum := 0.0
			for k := range p.n {
				sum += float64(want[r*p.n+k]-p.w[r*p.n+k]) * d.v[k*p.n+j]
			}
			move[r*p.n+j] = float32(sum)
		}
	}
	for i, v := range s.Correct(pool, move, p.rows) {
		if math.Abs(float64(p.w[i]+v-want[i])) > 1e-3 {
			t.Fatalf("value %d: %g, want %g", i, v, want[i])
		}
	}
}

// Moments are the sums of products, whatever the number of threads.
func TestMoments(t *testing.T) {
	const na, nb, tokens = 160, 288, 1500
	rng := rand.New(rand.NewPCG(3, 0))
	a, b := inputs(rng, na, tokens), inputs(rng, nb, tokens)
	var got [][]float64
	for _, threads := range []int{1, 3} {
		pool := infer.NewPool(threads)
		m := moments{pool: pool, set: kernel.Best()}
		cross, own := make([]float64, na*nb), make([]float64, na*na)
		if err := m.add(cross, a, b, tokens, na, nb); err != nil {
			t.Fatal(err)
		}
		if err := m.add(own, a, nil, tokens, na, na); err != nil {
			t.Fatal(err)
		}
		mirror(own, na)
		got = append(got, cross, own)
		pool.Close()
	}
	for i, want := range [][]float64{make([]float64, na*nb), momentsOf(a, na)} {
		if i == 0 {
			for t := range tokens {
				for r := range na {
					for c := range nb {
						want[r*nb+c] += float64(a[t*na+r]) * float64(b[t*nb+c])
					}
				}
			}
		}
		scale := 0.0
		for _, v := range want {
			scale = max(scale, math.Abs(v))
		}
		for k, v := range got[i] {
			if math.Abs(v-want[k]) > 1e-2*scale || v != got[i+2][k] {
				t.Fatalf("sum %d, element %d: %g, with three threads %g, want %g", i, k, v, got[i+2][k], want[k])
			}
		}
	}
}
