package feedback

import (
	"math"

	"bitmill/quantize/encode"
)

// levels are what is chosen for a sub-block, in the order of its columns in the feedback.
type levels struct {
	q       [widest]uint8
	entries [widest / 4]int32
	signs   [widest / 8]uint8
	errs    [widest]float32 // (value - rounded)/diagonal of the root
}

// feed rounds the values of a sub-block one after another, each error moving the values behind it by the rows of root,
// and returns the sum of the squared errors of x. It gives up above best.
func (b *rowBlock) feed(y *[widest]float32, root []float32, c candidate, best float32, x *levels) float32 {
	if b.g.Book != nil {
		return b.feedEntries(y, root, c, best, x)
	}
	sub, tmp, loss := b.sub, *y, float32(0)
	inverse := float32(0)
	if c.scale != 0 {
		inverse = 1 / c.scale
	}
	for i := range sub {
		row := root[i*sub:][:sub]
		k := b.nearest((tmp[i] + c.low) * inverse)
		v := c.scale*b.g.Level(k) - c.low
		e := (tmp[i] - v) / row[i]
		loss += e * e
		if !(loss < best) {
			return float32(math.Inf(1))
		}
		x.q[i], x.errs[i] = k, e
		for j := i + 1; j < sub; j++ {
			tmp[j] -= e * row[j]
		}
	}
	return loss
}

// nearest is q of the level nearest to l.
func (b *rowBlock) nearest(l float32) uint8 {
	g := b.g
	if g.Table != nil {
		return encode.NearestNonlinear(l)
	}
	l -= float32(g.Low)
	switch {
	case !(l > 0):
		return 0
	case l >= float32(g.Top):
		return uint8(g.Top)
	}
	return uint8(l + 0.5)
}

// feedEntries is feed for a type with a codebook. Of the entries near a group of values, the one stays whose errors,
// moving the values behind them inside the group, are the least.
func (b *rowBlock) feedEntries(y *[widest]float32, root []float32, c candidate, best float32, x *levels) float32 {
	book, sub, tmp, loss := b.g.Book, b.sub, *y, float32(0)
	values, inverse := book.Values(), float32(0)
	if c.scale != 0 {
		inverse = 1 / c.scale
	}
	var magnitudes [8]float32
	for at := 0; at < sub; at += book.Dim {
		if at%8 == 0 {
			x.signs[at/8] = b.signs(tmp[at:at+8], root, at, inverse)
		}
		group := magnitudes[:book.Dim]
		for k := range group {
			group[k] = tmp[at+k] * inverse
			if x.signs[at/8]>>((at+k)%8)&1 != 0 {
				group[k] = -group[k]
			}
		}
		least, entry := best-loss, int32(-1)
		for _, e := range book.Near(group) {
			if l := b.entryLoss(&tmp, root, at, c.scale, values[int(e)*book.Dim:][:book.Dim], x, least, false); l < least {
				least, entry = l, int32(e)
			}
		}
		if entry < 0 {
			return float32(math.Inf(1))
		}
		x.entries[at/book.Dim] = entry
		loss += b.entryLoss(&tmp, root, at, c.scale, values[int(entry)*book.Dim:][:book.Dim], x, best, true)
	}
	return loss
}

// signs are the signs of eight values. Where an even number of them is negative, the one changes that costs least.
func (b *rowBlock) signs(v, root []float32, at int, inverse float32) (signs uint8) {
	odd, weakest, least := false, 0, float32(math.Inf(1))
	for k, x := range v {
		x *= inverse
		if x < 0 {
			signs |= 1 << k
			odd = !odd
			x = -x
		}
		if d := x / root[(at+k)*b.sub+at+k]; d < least {
			weakest, least = k, d
		}
	}
	if odd && b.g.Book.Even {
		signs ^= 1 << weakest
	}
	return signs
}

// entryLoss is the sum of the squared errors of an entry, up to limit. With move they are noted, and move the values
// behind the group; without, only those inside.
func (b *rowBlock) entryLoss(tmp *[widest]float32, root []float32, at int, scale float32, entry []int8, x *levels,
	limit float32, move bool) (loss float32) {
	var inside [8]float32
	copy(inside[:], tmp[at:at+len(entry)])
	end := at + len(entry)
	for k, m := range entry {
		v := scale * float32(m)
		if x.signs[at/8]>>((at+k)%8)&1 != 0 {
			v = -v
		}
		row := root[(at+k)*b.sub:][:b.sub]
		e := (inside[k] - v) / row[at+k]
		if loss += e * e; !move && !(loss < limit) {
			return loss
		}
		for j := k + 1; j < len(entry); j++ {
			inside[j] -= e * row[at+j]
		}
		if move {
			x.errs[at+k] = e
			for j := end; j < b.sub; j++ {
				tmp[j] -= e * row[j]
			}
		}
	}
	return loss
}

// put stores levels for columns [at, at+sub) of a row; place gives the column of each.
func (b *rowBlock) put(x *encode.Levels, at int, l *levels, place func(i int) int) {
	if book := b.g.Book; book != nil {
		copy(x.Entries[at/book.Dim:], l.entries[:b.sub/book.Dim])
		copy(x.Signs[at/8:], l.signs[:b.sub/8])
		return
	}
	for i := range b.sub {
		x.Q[place(i)] = l.q[i]
	}
}
