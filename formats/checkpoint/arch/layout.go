package arch

// Layout says how a tensor's rows lie in its source. The zero Layout is row after row. A vector's values are laid out
// as the rows of a matrix are.
type Layout struct {
	Heads int   // when positive, rows are permuted within each of this many heads
	Turns int64 // only so many rows of each head, the first ones; 0: all

	First, Step int64 // the rows are every Step-th row of the source, from row First on; Step 0 stands for 1
	Rows, Span  int64 // when Span is positive, the first Rows of every Span rows of the source, shifted by First
	Columns     int64 // when positive, rows are columns of the source's matrices, which have this many
	Nibbles     bool  // MXFP4 as gpt-oss stores it: a part of codes, [rows][cols/2], and one of scales, [rows][cols/32]

	Add      float32 // added to every value, of converted tensors only
	MinusExp bool    // every value v becomes -exp(v), of converted tensors only
}

// Plain reports whether the rows lie one after the other.
func (l Layout) Plain() bool { return l == Layout{Add: l.Add, MinusExp: l.MinusExp} }

// Row is the position in the source of row r, of a tensor with that many rows.
func (l Layout) Row(r, rows int64) int64 {
	if l.Heads > 0 {
		r = halves(r, rows/int64(l.Heads), l.Turns)
	}
	if l.Span > 0 {
		return r/l.Rows*l.Span + l.First + r%l.Rows
	}
	return l.First + r*max(l.Step, 1)
}

// halves maps row r of a head of d rows whose pairs are neighbours, (2j, 2j+1), to its position where pairs are half a
// head apart, (j, j+d/2): the order of Hugging Face checkpoints. If not all turn, d is how many do.
func halves(r, d, turns int64) int64 {
	in := r % d
	if turns > 0 {
		d = turns
	}
	if in >= d {
		return r
	}
	return r - in + in%2*(d/2) + in/2
}
