package feedback

import (
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// choose solves all rows. A row that does not get better stays.
func (m *matrix) choose(target []float32) Choice {
	tasks, size := (m.rows+blockRows-1)/blockRows, len(m.start)/m.rows
	c := Choice{Data: make([]byte, len(m.start))}
	before, after := make([]float64, m.rows), make([]float64, m.rows)
	m.pool.Run(tasks, func(_, task int) {
		r := task * blockRows
		k := min(blockRows, m.rows-r)
		start, data, goal := m.start[r*size:][:k*size], c.Data[r*size:][:k*size], target[r*m.n:][:k*m.n]
		m.solvers[0].objective(before[r:r+k], m.typ, goal, start)
		copy(data, start)
		copy(after[r:], before[r:r+k])
		made, loss := make([]byte, len(data)), make([]float64, k)
		for _, s := range m.solvers {
			x := make([]*encode.Levels, k)
			for i := range x {
				x[i] = m.g.NewLevels(m.n)
				m.g.Read(x[i], start[i*size:])
			}
			s.Rows(m.g, goal, x, m.Sweeps)
			for i := range x {
				m.g.Write(made[i*size:][:size], x[i])
			}
			s.objective(loss, m.typ, goal, made)
			for i := range k {
				if loss[i] < after[r+i] {
					copy(data[i*size:][:size], made[i*size:])
					after[r+i] = loss[i]
				}
			}
		}
	})
	for i := range before {
		c.Before, c.After = c.Before+before[i], c.After+after[i]
	}
	return c
}

// objective is e'He of up to blockRows encoded rows, with the error e from the target. Of H, what lies on one side of
// the diagonal is read.
func (s *Solver) objective(dst []float64, typ formats.Type, target []float32, data []byte) {
	n := s.n
	e, v, grad := make([]float32, n*blockRows), make([]float32, len(target)), make([]float32, span*blockRows)
	_ = block.Decode(typ, v, data) // whole rows of the type
	for i, t := range target {
		v[i] = t - v[i]
	}
	s.set.PackPanel(e, v, n, len(dst), n)
	clear(dst)
	for first := 0; first < n; first += span {
		end := min(first+span, n)
		clear(grad)
		s.product(grad, e, first, end, 0, first)
		for i := range grad {
			grad[i] *= 2
		}
		s.product(grad, e[first*blockRows:], first, end, first, end)
		for i := range end - first {
			e, grad := at(e, first+i), at(grad, i)
			for r := range dst {
				dst[r] += float64(e[r]) * float64(grad[r])
			}
		}
	}
}
