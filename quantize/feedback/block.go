package feedback

import (
	"cmp"

	"bitmill/quantize/encode"
)

// blockRows rows are solved together, one in each lane of the widest vectors: each element of the moments is read once
// for all of them. What a block knows of a column, a sub-block or a super-block is a vector of the rows' numbers.
const blockRows = panel

// vector is one number of each row.
type vector = [blockRows]float32

// at is vector i of a list.
func at(list []float32, i int) *vector { return (*vector)(list[i*blockRows:]) }

// ints is vector i of a list of integers.
func ints(list []int32, i int) *[blockRows]int32 { return (*[blockRows]int32)(list[i*blockRows:]) }

// rowBlock is the rows that are solved together.
type rowBlock struct {
	*Solver
	g *encode.Grid

	level   []float32 // [n]: signed, with a codebook
	entry   []int32   // [n/Dim], with a codebook
	s, t    []int32   // [n/Sub]
	d, dmin []float32 // [n/Super]

	target, e []float32 // [n]; e: minus the values, in the descent
	move      []float32 // [span]: minus the change of the values
	grad      []float32 // [span]: He before it
	slopes    []float32 // [2][span]

	lanes *lanes // nil: plain Go
	list  candidates
	now   rounded
	work  working

	tables bookTables
}

// newRowBlock begins with levels of up to blockRows rows of a target [rows][n]. Rows that are missing are zeros.
func (s *Solver) newRowBlock(g *encode.Grid, target []float32, x []*encode.Levels) *rowBlock {
	n, vectors := s.n, func(n int) []float32 { return make([]float32, n*blockRows) }
	b := &rowBlock{Solver: s, g: g, lanes: lanesOf(s.set.Name), target: vectors(n), level: vectors(n), e: vectors(n),
		move: vectors(span), grad: vectors(span), slopes: vectors(2 * span), d: vectors(n / g.Super), dmin: vectors(n / g.Super), s: make([]int32, n/g.Sub*blockRows),
		t: make([]int32, n/g.Sub*blockRows)}
	s.set.PackPanel(b.target, target, n, len(x), n)
	if g.Book != nil {
		b.entry, b.tables = make([]int32, n/g.Book.Dim*blockRows), tablesOf(g.Book)
	}
	for r, x := range x {
		spread(b.d, x.D, r)
		spread(b.dmin, x.DMin, r)
		spread(b.s, x.S, r)
		spread(b.t, x.T, r)
		spread(b.entry, x.Entries, r)
		for i := range n {
			b.level[i*blockRows+r] = g.LevelOf(x, i)
		}
	}
	return b
}

// spread puts a row's numbers into its lane, and gather takes them out.
func spread[T int32 | float32](list, row []T, lane int) {
	for i, v := range row {
		list[i*blockRows+lane] = v
	}
}

func gather[T int32 | float32](row, list []T, lane int) {
	for i := range row {
		row[i] = list[i*blockRows+lane]
	}
}

// levels stores what is chosen.
func (b *rowBlock) levels(x []*encode.Levels) {
	for r, x := range x {
		gather(x.D, b.d, r)
		gather(x.DMin, b.dmin, r)
		gather(x.S, b.s, r)
		gather(x.T, b.t, r)
		gather(x.Entries, b.entry, r)
		clear(x.Signs)
		for i := range b.n {
			l := b.level[i*blockRows+r]
			switch {
			case b.g.Book == nil:
				x.Q[i] = code(b.g, l)
			case l < 0:
				x.Signs[i/8] |= 1 << (i % 8)
			}
		}
	}
}

// scales are d*s and dmin*t of a sub-block.
func (b *rowBlock) scales(sub int) (scale, low vector) {
	super := sub * b.g.Sub / b.g.Super
	d, dmin, s, t := at(b.d, super), at(b.dmin, super), ints(b.s, sub), ints(b.t, sub)
	for r := range scale {
		scale[r], low[r] = d[r]*b.g.Scale(s[r]), dmin[r]*float32(t[r])
	}
	return scale, low
}

// values are those of a sub-block's columns.
func (b *rowBlock) values(dst []float32, sub int) {
	scale, low := b.scales(sub)
	for i := range b.sub {
		v, l := at(dst, i), at(b.level, sub*b.sub+i)
		for r := range v {
			v[r] = float32(scale[r]*l[r]) - low[r]
		}
	}
}

// Rows solves up to blockRows rows: target is [rows][n], x holds where the encoder starts and becomes the result.
func (s *Solver) Rows(g *encode.Grid, target []float32, x []*encode.Levels, sweeps int) {
	b := s.newRowBlock(g, target, x)
	b.search()
	b.descend(cmp.Or(sweeps, 4))
	b.levels(x)
}
