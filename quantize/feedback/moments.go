package feedback

import (
	"errors"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// moments adds up products of activations over tokens: out[i][j] = Σ_t a[t][i]·b[t][j]. Both are rounded to bfloat16,
// as the rounding of many tokens averages out. Sums of momentTokens tokens are in float32, those of all in float64, in
// an order that does not depend on threads.
type moments struct {
	pool *infer.Pool
	set  *kernel.Set

	left    []kernel.Activations // a, transposed, in blocks of momentRows columns
	right   []byte               // b, transposed
	workers []momentWorker
	n       int // tokens of the current chunk
}

// momentWorker is a worker's memory.
type momentWorker struct {
	scratch kernel.Scratch
	rows    []float32 // some columns of a chunk
	part    []float32 // a tile
}

const (
	momentTokens = 1024
	momentRows   = 128 // of a tile
	momentCols   = 256
)

// add adds n tokens of a, [n][na], and b, [n][nb], to out, [na][nb]. With b nil it is a, and only tiles with elements on
// or above the diagonal are computed: mirror completes them.
func (m *moments) add(out []float64, a, b []float32, n, na, nb int) error {
	symmetric := b == nil
	if symmetric {
		b, nb = a, na
	}
	if m.workers == nil {
		m.workers = make([]momentWorker, m.pool.Workers())
	}
	for t := 0; t < n; t += momentTokens {
		m.n = min(momentTokens, n-t)
		if err := errors.Join(m.load(a[t*na:], na), m.turn(b[t*nb:], nb)); err != nil {
			return err
		}
		if err := m.tiles(out, na, nb, symmetric); err != nil {
			return err
		}
	}
	return nil
}

// columns sets the worker's rows to columns [from, to) of the chunk, [to-from][n].
func (w *momentWorker) columns(x []float32, width, from, to, n int) []float32 {
	w.rows = sized(w.rows, (to-from)*n)
	for i := from; i < to; i += panel { // few rows to write to at a time
		rows, k := w.rows[(i-from)*n:], min(panel, to-i)
		for t := range n {
			for j, v := range x[t*width+i : t*width+i+k] {
				rows[j*n+t] = v
			}
		}
	}
	return w.rows
}

// load makes the chunk of a the input of products.
func (m *moments) load(a []float32, na int) error {
	blocks := (na + momentRows - 1) / momentRows
	for len(m.left) < blocks {
		m.left = append(m.left, kernel.Activations{})
	}
	errs := make([]error, blocks)
	m.pool.Run(blocks, func(worker, i int) {
		from, to := i*momentRows, min(na, (i+1)*momentRows)
		rows := m.workers[worker].columns(a, na, from, to, m.n)
		errs[i] = errors.Join(m.left[i].Reset(kernel.FormBF16, to-from, m.n),
			m.set.LoadRows(&m.left[i], rows, 0, to-from))
	})
	return errors.Join(errs...)
}

// turn makes the chunk of b a matrix of weights.
func (m *moments) turn(b []float32, nb int) error {
	if size := 2 * nb * m.n; cap(m.right) < size {
		m.right = make([]byte, size)
	}
	tasks := (nb + momentRows - 1) / momentRows
	errs := make([]error, tasks)
	m.pool.Run(tasks, func(worker, i int) {
		from, to := i*momentRows, min(nb, (i+1)*momentRows)
		rows := m.workers[worker].columns(b, nb, from, to, m.n)
		errs[i] = encode.Encode(formats.BF16, m.right[:2*nb*m.n][2*from*m.n:2*to*m.n], rows, m.n, nil)
	})
	return errors.Join(errs...)
}

// tiles adds the products of the chunk.
func (m *moments) tiles(out []float64, na, nb int, symmetric bool) error {
	rows, cols := (na+momentRows-1)/momentRows, (nb+momentCols-1)/momentCols
	w := kernel.Matrix{Type: formats.BF16, Rows: nb, Cols: m.n, Data: m.right[:2*nb*m.n]}
	errs := make([]error, rows*cols)
	m.pool.Run(rows*cols, func(worker, task int) {
		i, j := task/cols, task%cols*momentCols
		to := min(nb, j+momentCols)
		if symmetric && to <= i*momentRows {
			return
		}
		s, n := &m.workers[worker], min(momentRows, na-i*momentRows)
		s.part = sized(s.part, n*(to-j)+j)
		part := w
		part.Rows, part.Data = to-j, w.Data[2*j*m.n:2*to*m.n]
		if errs[task] = m.set.MatMul(s.part, to-j, part, &m.left[i], 0, to-j, &s.scratch); errs[task] != nil {
			return
		}
		for r := range n {
			sum := out[(i*momentRows+r)*nb+j:][:to-j]
			for k, v := range s.part[r*(to-j):][:to-j] {
				sum[k] += float64(v)
			}
		}
	})
	return errors.Join(errs...)
}

// mirror completes a symmetric sum.
func mirror(h []float64, n int) {
	for i := range n {
		for j := range i {
			h[i*n+j] = h[j*n+i]
		}
	}
}

func sized(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}
