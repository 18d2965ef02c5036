package vec

import (
	"math"
	"slices"
)

// RunningSoftmax is the state of softmaxes computed part by part (arXiv 2205.14135), one for each row, in powers of
// two: Top is the largest scaled element so far times log2(e), Sum the sum of 2^(scaled element - Top).
type RunningSoftmax struct {
	Top    []float32
	Sum    []float64
	Factor []float32 // by which sums over earlier parts must be multiplied, since the last part was added
}

// Reset starts the softmaxes of some rows.
func (r *RunningSoftmax) Reset(rows int) {
	r.Top, r.Sum, r.Factor = sized(r.Top, rows), sized(r.Sum, rows), sized(r.Factor, rows)
	for i := range rows {
		r.Top[i], r.Sum[i], r.Factor[i] = -math.MaxFloat32, 0, 1
	}
}

func sized[T any](buf []T, n int) []T { return slices.Grow(buf[:0], n)[:n] }

// See adds a value to row i that is not an element of any part, before the first part: an attention sink.
func (r *RunningSoftmax) See(i int, x float32) {
	r.Top[i], r.Sum[i] = x*math.Log2E, 1
}

// AddPart adds a part of each row i: the first seen[i] elements of x[i*stride:]. With f = scale*log2(e) it sets, for
// every row,
//
//	top' = max(top, f*max(x))   factor = 2^(top-top')   x = 2^(f*x - top')   sum' = factor*sum + sum(x)
//
// and clears the row from element seen[i] up to width, a multiple of 16 and at least as large. Elements of -Inf become
// 0; scale is positive.
func (s *Set) AddPart(r *RunningSoftmax, x []float32, stride, width int, seen []int32, scale float32) {
	rows := len(seen)
	if rows == 0 || width == 0 {
		return
	}
	_, _, _ = r.Top[rows-1], r.Sum[rows-1], r.Factor[rows-1]
	_ = x[(rows-1)*stride+width-1]
	s.addPart(r, x, stride, width, seen, float32(float64(scale)*math.Log2E))
}

func addPartGeneric(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32) {
	for i, n := range seen {
		row := x[i*stride:][:width]
		most := float32(-math.MaxFloat32)
		for _, v := range row[:n] {
			most = max(most, v)
		}
		top := max(r.Top[i], most*f)
		r.Factor[i] = exp2(r.Top[i] - top)
		r.Top[i] = top
		var l [8]float32
		for j, v := range row[:n] {
			row[j] = exp2(FMA(v, f, -top))
			l[j%8] += row[j]
		}
		sum := ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
		r.Sum[i] = math.FMA(r.Sum[i], float64(r.Factor[i]), float64(sum))
		clear(row[n:])
	}
}
