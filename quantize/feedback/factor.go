package feedback

import (
	"errors"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// errIndefinite: the moments are not those of any inputs.
var errIndefinite = errors.New("the moments of its inputs are not positive definite")

// square is a matrix [n][n] in float64.
type square struct {
	n int
	v []float64
}

func newSquare(n int) square { return square{n, make([]float64, n*n)} }

// damped is h with rows and columns in an order and damp times the mean of the diagonal added to it. A column without
// any input gets the mean, so that its weights stay where they are.
func (h square) damped(order []int, damp float64) square {
	n, out, mean := h.n, newSquare(h.n), 0.0
	for i := range n {
		mean += h.v[i*n+i] / float64(n)
	}
	if !(mean > 0) {
		mean = 1
	}
	for i, a := range order {
		row := h.v[a*n:][:n]
		for j, b := range order {
			out.v[i*n+j] = row[b]
		}
		if out.v[i*n+i] <= 1e-12*mean {
			out.v[i*n+i] = mean
		}
		out.v[i*n+i] += damp * mean
	}
	return out
}

// inverseRoot is U, upper triangular, with U'U = inverse(h): the inverse of the Cholesky factor T of h = T·T', which is
// that of h turned around. It overwrites h.
func (h square) inverseRoot() (square, error) {
	n := h.n
	turned := newSquare(n)
	for i := range n * n {
		turned.v[n*n-1-i] = h.v[i]
	}
	l, ok := lapack64.Potrf(blas64.Symmetric{N: n, Stride: n, Data: turned.v, Uplo: blas.Lower})
	if !ok {
		return square{}, errIndefinite
	}
	if !lapack64.Trtri(blas64.Triangular{N: n, Stride: n, Data: l.Data, Uplo: blas.Lower, Diag: blas.NonUnit}) {
		return square{}, errIndefinite
	}
	clear(h.v)
	for i := range n {
		for j := 0; j <= i; j++ {
			h.v[n*n-1-(i*n+j)] = l.Data[i*n+j]
		}
	}
	return h, nil
}
