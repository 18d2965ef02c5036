package feedback

import (
	"errors"
	"math"
	"slices"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// errIndefinite: the moments are not those of any inputs.
var errIndefinite = errors.New("the moments of its inputs are not positive definite")

// factorRows are the rows and columns of a block of a factorization.
const factorRows = 64

// factor is a blocked Cholesky factorization. Products are in float32: the moments are known to three digits, and they
// are damped.
type factor struct {
	pool *infer.Pool
	set  *kernel.Set
	n    int

	whole []float32   // the diagonal of what is factored
	l     []float32   // [n][n], lower triangular
	inv   [][]float32 // of its blocks on the diagonal the negative inverses, [rows][rows]
}

// inverseRoot is U, upper triangular, with U'U = inverse(h), rows and columns of h being in the given order. It is the
// inverse of the Cholesky factor T of h = T·T', and that is the factor L of h turned around: U is inverse(L) turned
// around.
func inverseRoot(pool *infer.Pool, set *kernel.Set, h panelled, order []int) (panelled, error) {
	n := h.rows
	f := &factor{pool: pool, set: set, n: n, whole: make([]float32, n), l: make([]float32, n*n)}
	pool.Run((n+factorRows-1)/factorRows, func(_, task int) {
		for i := task * factorRows; i < min(n, (task+1)*factorRows); i++ {
			column := order[n-1-i] // h is symmetric
			from := h.v[column/panel*h.step()+column%panel:]
			for j := range i + 1 {
				f.l[i*n+j] = from[order[n-1-j]*panel]
			}
			f.whole[i] = f.l[i*n+i]
		}
	})
	for at := 0; at < n; at += factorRows {
		if err := f.column(at, min(factorRows, n-at)); err != nil {
			return panelled{}, err
		}
	}
	u := newPanelled(n, n)
	pool.Run(n/panel, func(_, p int) { f.invertPanel(u, p) })
	slices.Reverse(u.v)
	return u, nil
}

// column computes columns [at, at+k) of L: those of h minus the products of what is to the left, divided by the block
// on the diagonal.
func (f *factor) column(at, k int) error {
	n := f.n
	b := make([]float32, k*max(at, k))
	for r := 0; r < k && at > 0; r += panel {
		f.set.PackPanel(b[r*at:], f.l[(at+r)*n:], n, panel, at)
	}
	for i := range b {
		b[i] = -b[i]
	}
	tasks := (n - at + factorRows - 1) / factorRows
	f.pool.Run(tasks, func(_, task int) {
		r := at + task*factorRows
		f.set.GemmPanels(f.l[r*n+at:], n, f.l[r*n:], n, b, at*panel, min(factorRows, n-r), k, at, true)
	})
	block := make([]float64, k*k)
	for i := range k {
		for j := range i + 1 {
			block[i*k+j] = float64(f.l[(at+i)*n+at+j])
		}
	}
	inverse := cholesky(block, f.whole[at:at+k])
	if inverse == nil {
		return errIndefinite
	}
	negative := make([]float32, k*k)
	for i, v := range inverse {
		negative[i] = float32(-v)
		f.l[(at+i/k)*n+at+i%k] = float32(block[i])
		b[(i/k/panel*k+i%k)*panel+i/k%panel] = float32(v) // its transpose
	}
	f.inv = append(f.inv, negative)
	f.pool.Run(tasks-1, func(_, task int) {
		r := at + k + task*factorRows
		rows := min(factorRows, n-r)
		out := make([]float32, rows*k)
		f.set.GemmPanels(out, k, f.l[r*n+at:], n, b, k*panel, rows, k, k, false)
		for i := range rows {
			copy(f.l[(r+i)*n+at:][:k], out[i*k:])
		}
	})
	return nil
}

// invertPanel computes a panel of inverse(L): minus the inverse of a block on the diagonal times the products of what
// is above it.
func (f *factor) invertPanel(m panelled, p int) {
	n, first := f.n, p*panel/factorRows*factorRows
	k := min(factorRows, n-first)
	for i := range k {
		for j, to := 0, m.row(p, first+i); j < panel; j++ {
			to[j] = -f.inv[first/factorRows][i*k+p*panel-first+j]
		}
	}
	sum := make([]float32, factorRows*panel)
	for at := first + factorRows; at < n; at += factorRows {
		k := min(factorRows, n-at)
		f.set.GemmPanels(sum, panel, f.l[at*n+first:], n, m.from(p, first), 0, k, panel, at-first, false)
		f.set.GemmPanels(m.from(p, at), panel, f.inv[at/factorRows], k, sum, 0, k, panel, k, false)
	}
}

// cholesky replaces the lower triangle of a, [n][n], by its Cholesky factor, and returns the inverse of that; nil when
// a is as good as singular, beside the diagonal whole.
func cholesky(a []float64, whole []float32) []float64 {
	n := len(whole)
	inverse := make([]float64, n*n)
	for i := range n {
		for j := range i {
			a[i*n+j] = (a[i*n+j] - dot(a[i*n:][:j], a[j*n:])) / a[j*n+j]
		}
		pivot := a[i*n+i] - dot(a[i*n:][:i], a[i*n:])
		if !(pivot > leastPivot*float64(whole[i])) || math.IsInf(pivot, 0) {
			return nil
		}
		a[i*n+i] = math.Sqrt(pivot)
	}
	column := make([]float64, n)
	for j := range n {
		column[j] = 1 / a[j*n+j]
		for i := j + 1; i < n; i++ {
			column[i] = -dot(a[i*n+j:][:i-j], column[j:]) / a[i*n+i]
		}
		for i := j; i < n; i++ {
			inverse[i*n+j] = column[i]
		}
	}
	return inverse
}

// leastPivot is what rounding to float32 leaves of an element of the diagonal.
const leastPivot = 1e-7

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// upperRoot is inverseRoot of a small matrix, in float64, and the inverse.
func upperRoot(h []float64, n int) (root, inverse []float64, err error) {
	turned, whole := slices.Clone(h), make([]float32, n)
	slices.Reverse(turned)
	for i := range n {
		whole[i] = float32(turned[i*n+i])
	}
	if root = cholesky(turned, whole); root == nil {
		return nil, nil, errIndefinite
	}
	slices.Reverse(root)
	inverse = make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := range min(i, j) + 1 {
				inverse[i*n+j] += root[k*n+i] * root[k*n+j]
			}
		}
	}
	return root, inverse, nil
}
