package feedback

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
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
func momentsOf(x []float32, n int) panelled {
	h := newPanelled(n, n)
	for i := range n {
		for j := range n {
			sum := 0.0
			for t := 0; t < len(x); t += n {
				sum += float64(x[t+i]) * float64(x[t+j])
			}
			h.row(j/panel, i)[j%panel] = float32(sum)
		}
	}
	return h
}

// TestInverseRoot: U'U·h is 1, in blocks that are whole and not.
func TestInverseRoot(t *testing.T) {
	for _, n := range []int{16, 64, 208} {
		rng := rand.New(rand.NewPCG(1, 0))
		h := momentsOf(inputs(rng, n, 2*n), n)
		h.damp(0.01)
		order := rng.Perm(n)
		var roots []panelled
		for _, threads := range []int{1, 3} {
			pool := infer.NewPool(threads)
			defer pool.Close()
			u, err := inverseRoot(pool, kernel.Best(), h, order)
			if err != nil {
				t.Fatal(err)
			}
			roots = append(roots, u)
		}
		u := roots[0]
		if !slices.Equal(u.v, roots[1].v) {
			t.Errorf("%d columns: the root depends on threads", n)
		}
		uh := make([]float64, n*n) // U·h
		for i := range n {
			for j := range n {
				if j < i && u.at(i, j) != 0 {
					t.Fatalf("U is not upper triangular at %d, %d", i, j)
				}
				for k := i; k < n; k++ {
					uh[i*n+j] += float64(u.at(i, k)) * float64(h.at(order[k], order[j]))
				}
			}
		}
		for i := range n {
			for j := range n {
				sum, unit := 0.0, 0.0
				for k := range i + 1 {
					sum += float64(u.at(k, i)) * uh[k*n+j]
				}
				if i == j {
					unit = 1
				}
				if !(math.Abs(sum-unit) < 2e-3) {
					t.Fatalf("U'U·H is %g at %d, %d of %d", sum, i, j, n)
				}
			}
		}
	}
	bad := newPanelled(32, 32)
	for _, v := range bad.diagonal {
		*v = 1
	}
	bad.row(0, 1)[0], bad.row(0, 0)[1] = 2, 2
	pool := infer.NewPool(1)
	defer pool.Close()
	order := make([]int, 32)
	for i := range order {
		order[i] = i
	}
	if _, err := inverseRoot(pool, kernel.Best(), bad, order); err == nil {
		t.Error("a matrix that is not positive definite has a root")
	}
}

// problem is a matrix with its inputs.
type problem struct {
	n, rows int
	h       panelled
	w       []float32
}

func newProblem(n, rows int) *problem {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	p := &problem{n: n, rows: rows, h: momentsOf(inputs(rng, n, 2*n), n), w: make([]float32, rows*n)}
	p.h.damp(0.01)
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
		importance[i] = p.h.at(i, i)
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
			s, err := NewSolver(pool, kernel.Best(), p.h, g)
			if err != nil {
				t.Fatal(err)
			}
			m := &matrix{run: &run{pool: pool, Options: Options{Kernel: kernel.Best()}}, g: g, typ: typ, rows: rows, n: p.n,
				start: start, solvers: []*Solver{s}}
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
	pool := infer.NewPool(2)
	defer pool.Close()
	s, err := NewSolver(pool, kernel.Best(), p.h, encode.GridOf(formats.Q3_K))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 0))
	want := make([]float32, p.rows*p.n)
	for i := range want {
		want[i] = float32(rng.NormFloat64())
	}
	move := make([]float32, len(want)) // (want - w)·H
	for r := range p.rows {
		for j := range p.n {
			sum := 0.0
			for k := range p.n {
				sum += float64(want[r*p.n+k]-p.w[r*p.n+k]) * float64(p.h.at(k, j))
			}
			move[r*p.n+j] = float32(sum)
		}
	}
	s.Correct(pool, move, p.rows)
	for i, v := range move {
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
	var got []panelled
	for _, threads := range []int{1, 3} {
		pool := infer.NewPool(threads)
		m := moments{pool: pool, set: kernel.Best()}
		var x, y kernel.Columns
		err := errors.Join(m.load(&x, a, tokens, na), m.load(&y, b, tokens, nb))
		for _, pair := range [][2]*kernel.Columns{{&x, &y}, {&x, &x}} {
			var sum panelled
			err = errors.Join(err, m.add(&sum, pair[0], pair[1]))
			got = append(got, sum)
		}
		if err != nil {
			t.Fatal(err)
		}
		got[len(got)-1].mirror()
		pool.Close()
	}
	for k, pair := range [][2][]float32{{a, b}, {a, a}} {
		if !slices.Equal(got[k].v, got[k+2].v) {
			t.Fatalf("sum %d depends on threads", k)
		}
		n := len(pair[1]) / tokens
		for i := range na {
			for j := range n {
				want, left, right := 0.0, 0.0, 0.0
				for t := range tokens {
					u, v := float64(pair[0][t*na+i]), float64(pair[1][t*n+j])
					want, left, right = want+u*v, left+u*u, right+v*v
				}
				if v := float64(got[k].at(i, j)); !(math.Abs(v-want) <= 2e-3*math.Sqrt(left*right)) {
					t.Fatalf("sum %d, element %d, %d: %g, want %g", k, i, j, v, want)
				}
			}
		}
	}
}
