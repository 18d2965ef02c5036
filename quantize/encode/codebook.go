package encode

import (
	"math"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode/layout"
)

// codebook is the codebook of an i-quant, prepared for searches: for each code (block.Codebook.Code) the entry with
// that code, or else the entries near it.
type codebook struct {
	dim, base int
	entries   []uint16 // the levels of entry i: level k in bits shift*k and up
	shift     uint
	powers    [8]int32 // of base: a code is the sum of level k * powers[k]

	// lookup[code] is an entry's index, or for others ^(at<<CountBits | count): see package layout.
	lookup []int32
	near   nearEntries
}

// nearEntries are the entries near to a code, or the lists of all codes.
type nearEntries struct {
	levels, index []uint16 // levels as in codebook.entries
}

// The codebooks and how many distances count as near: an entry is near when it is at one of the first so many distances
// from the code, in ascending order, that occur at all (of the 16-bit tables in ggml-quants.c: nwant).
var (
	book2XXS = newCodebook(formats.IQ2_XXS, 2)
	book2XS  = newCodebook(formats.IQ2_XS, 2)
	book2S   = newCodebook(formats.IQ2_S, 1)
	book3XXS = newCodebook(formats.IQ3_XXS, 2)
	book3S   = newCodebook(formats.IQ3_S, 3)
	book1    = newCodebook(formats.IQ1_S, 3) // IQ1_M too
)

// newCodebook computes a codebook when it is first needed, in some milliseconds.
func newCodebook(t formats.Type, distances int) func() *codebook {
	return sync.OnceValue(func() *codebook {
		l := block.CodebookOf(t)
		b := &codebook{dim: l.Dim, base: l.Base, shift: uint(16 / l.Dim)}
		codes := 1
		for k := range l.Dim {
			b.powers[k] = int32(codes)
			codes *= l.Base
		}
		b.lookup = make([]int32, codes)
		for i := range b.lookup {
			b.lookup[i] = -1
		}
		place := make([]int, l.Entries()) // code of each entry
		for i := range place {
			levels := l.Levels[i*l.Dim : (i+1)*l.Dim]
			place[i] = l.Code(levels)
			b.lookup[place[i]] = int32(i)
			var packed uint16
			for k, level := range levels {
				packed |= uint16(level) << (b.shift * uint(k))
			}
			b.entries = append(b.entries, packed)
		}
		b.entries = append(b.entries, 0)[:len(place)] // lanes read 32 bits of an entry
		b.findNear(place, distances)
		return b
	})
}

// findNear lists the near entries of all codes that are not in the codebook, by ascending distance and then index.
func (b *codebook) findNear(place []int, distances int) {
	half, table := b.halfDistances()
	distance := make([]uint8, len(place)) // at most 4*7^2
	var count [256]int
	for code := range b.lookup {
		if b.lookup[code] >= 0 {
			continue
		}
		clear(count[:])
		low, high := table[code%half*half:], table[code/half*half:]
		for i, p := range place {
			d := low[p%half] + high[p/half]
			distance[i] = d
			count[d]++
		}
		start := len(b.near.index)
		for d, kinds := 0, 0; kinds < distances && d < len(count); d++ {
			if count[d] == 0 {
				continue
			}
			kinds++
			for i, di := range distance {
				if int(di) == d {
					b.near.add(b.entries[i], uint16(i))
				}
			}
		}
		b.lookup[code] = ^int32(start/layout.ListAlign<<layout.CountBits | (len(b.near.index) - start))
		for len(b.near.index)%layout.ListAlign != 0 {
			b.near.add(b.near.levels[start], b.near.index[start])
		}
	}
}

func (n *nearEntries) add(levels, index uint16) {
	n.levels, n.index = append(n.levels, levels), append(n.index, index)
}

// halfDistances returns the squared distances, in levels, between any two halves of a code: a code is
// high*half + low, and table[a*half+b] the distance between halves a and b.
func (b *codebook) halfDistances() (half int, table []uint8) {
	half = int(b.powers[b.dim/2])
	table = make([]uint8, half*half)
	for i := range table {
		x, y, sum := i/half, i%half, 0
		for range b.dim / 2 {
			d := x%b.base - y%b.base
			sum += d * d
			x, y = x/b.base, y/b.base
		}
		table[i] = uint8(sum)
	}
	return half, table
}

// nearOf returns the near entries of a code that is not in the codebook; found is b.lookup of it.
func (b *codebook) nearOf(found int32) nearEntries {
	at := ^found >> layout.CountBits * layout.ListAlign
	end := at + ^found&(1<<layout.CountBits-1)
	return nearEntries{b.near.levels[at:end], b.near.index[at:end]}
}

// top is the value of the highest level: a level stands for 2*level + 1.
func (b *codebook) top() float32 { return float32(2*(b.base-1) + 1) }

// terms8 are the contributions to a squared error of the levels of 8 values, one list of levels per value.
type terms8 [8][4]float32

// set computes w[k] * (at[l] - x[k])^2, where at[l] is the value that level l stands for.
func (t *terms8) set(x, w *[8]float32, at *[3]float32) {
	for k := range t {
		d0, d1, d2 := at[0]-x[k], at[1]-x[k], at[2]-x[k]
		t[k][0] = float32(float32(w[k]*d0) * d0)
		t[k][1] = float32(float32(w[k]*d1) * d1)
		t[k][2] = float32(float32(w[k]*d2) * d2)
	}
}

// least8 returns the index of the near entry with the smallest sum of terms, added in the order of the values; the
// first of equals. Sums that overflow (or are NaN) never win: with none left it is the first entry, where ggml aborts.
func (n nearEntries) least8(t *terms8) int32 {
	var first [16]float32 // of values 0 and 1 together
	for l1 := range 3 {
		for l0 := range 3 {
			first[4*l1+l0] = t[0][l0] + t[1][l1]
		}
	}
	best, winner := float32(math.MaxFloat32), 0
	for i, p := range n.levels {
		e := first[p&15] + t[2][p>>4&3]
		e += t[3][p>>6&3]
		e += t[4][p>>8&3]
		e += t[5][p>>10&3]
		e += t[6][p>>12&3]
		e += t[7][p>>14]
		if e < best {
			best, winner = e, i
		}
	}
	return int32(n.index[winner])
}

// least4 is least8 for entries of 4 values: there are so few near ones that their terms are not worth a table.
func (n nearEntries) least4(x, w *[4]float32, at *[8]float32) int32 {
	best, winner := float32(math.MaxFloat32), 0
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
	for i, p := range n.levels {
		d0, d1, d2, d3 := at[p&7]-x0, at[p>>4&7]-x1, at[p>>8&7]-x2, at[p>>12&7]-x3
		e := float32(float32(w0*d0) * d0)
		e += float32(float32(w1*d1) * d1)
		e += float32(float32(w2*d2) * d2)
		e += float32(float32(w3*d3) * d3)
		if e < best {
			best, winner = e, i
		}
	}
	return int32(n.index[winner])
}
