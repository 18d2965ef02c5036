package arch

// Layout says how a tensor's rows lie in its source. The zero Layout is row after row. A vector's values are laid out
// as the rows of a matrix are.
type Layout struct {
	Heads int   // when positive, rows are permuted within each of this many heads
	Turns int64 // only so many rows of each head, the first ones; 0: all
	Apart bool  // so that pairs, which are neighbours in the source, are half a head apart; else the other way round

	First, Step int64 // the rows are every Step-th row of the source, from row First on; Step 0 stands for 1
	Rows, Span  int64 // when Span is positive, the first Rows of every Span rows of the source, shifted by First
	Columns     int64 // when positive, rows are columns of the source's matrices, which have this many
	Nibbles     bool  // MXFP4 as gpt-oss stores it: a part of codes, [rows][cols/2], and one of scales, [rows][cols/32]
	Present     int64 // when positive, the source has this many rows only, and zeros follow

	// When positive, every Span rows of the source are parts of so many rows. The rows are those of the first part in all
	// spans, then those of the second, and so on.
	Parts [3]int64
	Tile  Tile // of rows
	Wide  Tile // of the columns of a row

	Add      float32 // added to every value, of converted tensors only
	Factors  *Factors
	MinusExp bool // every value v becomes -exp(v), of converted tensors only
}

// Tile is an order of heads: in the source those of a group follow each other, in the tensor the first heads of all
// groups come first, then the second ones.
type Tile struct{ From, Groups, Heads, Size int64 } // the first row, groups, heads of a group, rows of a head

// At is the position in the source of row r.
func (t Tile) At(r int64) int64 {
	if t.Heads <= 1 || r < t.From {
		return r
	}
	head, in := (r-t.From)/t.Size, (r-t.From)%t.Size
	return t.From + (head%t.Groups*t.Heads+head/t.Groups)*t.Size + in
}

// Inverse is the order of the source's rows in the tensor.
func (t Tile) Inverse() Tile { return Tile{t.From, t.Heads, t.Groups, t.Size} }

// Plain reports whether the rows lie one after the other.
func (l Layout) Plain() bool { return l == Layout{Add: l.Add, MinusExp: l.MinusExp} }

// Row is the position in the source of row r, of a tensor with that many rows.
func (l Layout) Row(r, rows int64) int64 {
	if l.Heads > 0 {
		r = halves(r, rows/int64(l.Heads), l.Turns, l.Apart)
	}
	r = l.Tile.At(r)
	if l.Parts[0] > 0 {
		return l.ofPart(r, rows)
	}
	if l.Span > 0 {
		return r/l.Rows*l.Span + l.First + r%l.Rows
	}
	return l.First + r*max(l.Step, 1)
}

// ofPart is the position of row r, of a tensor with that many rows of some parts.
func (l Layout) ofPart(r, rows int64) int64 {
	spans, before := rows/(l.Parts[0]+l.Parts[1]+l.Parts[2]), int64(0)
	for _, n := range l.Parts {
		if r < spans*n {
			return r/n*l.Span + before + r%n
		}
		r, before = r-spans*n, before+n
	}
	return 0
}

// halves maps row r of a head of d rows whose pairs are neighbours, (2j, 2j+1), to its position where pairs are half a
// head apart, (j, j+d/2): the order of Hugging Face checkpoints. If not all turn, d is how many do. Apart maps back.
func halves(r, d, turns int64, apart bool) int64 {
	in := r % d
	if turns > 0 {
		d = turns
	}
	switch {
	case in >= d:
		return r
	case apart:
		return r - in + in%(d/2)*2 + in/(d/2)
	}
	return r - in + in%2*(d/2) + in/2
}
