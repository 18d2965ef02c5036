package encode

import (
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode/layout"
)

// Book is the codebook of a type, for methods that choose entries in their own way.
type Book struct {
	Dim  int     // values of an entry
	Unit float32 // see Grid
	Even bool    // of eight signs an even number is negative

	typ  formats.Type
	once sync.Once

	values []int8    // [entries][Dim]
	worth  []float32 // of the levels, ascending
	powers []int     // a code is the sum of level k times powers[k]
	near   []uint32  // [codes][BookNear]
}

// Values lists the magnitudes of all entries, [entries][Dim].
func (b *Book) Values() []int8 {
	b.once.Do(b.make)
	return b.values
}

// Worth lists the magnitudes of the levels, ascending.
func (b *Book) Worth() []float32 {
	b.once.Do(b.make)
	return b.worth
}

// Near lists the entries nearest to levels, layout.BookNear for each code, the nearest first. A code is the number whose
// digits are the levels of as many values as an entry has, the first one the lowest. An entry's number is in the upper
// half; below are its levels, the first one the lowest, in 16/Dim bits each.
func (b *Book) Near() []uint32 {
	b.once.Do(b.make)
	return b.near
}

// NearTo lists the entries nearest to magnitudes, in units of the sub-block's scale.
func (b *Book) NearTo(x []float32) []uint32 {
	b.once.Do(b.make)
	code := 0
	for k, v := range x {
		level := 0
		for level+1 < len(b.worth) && v > (b.worth[level]+b.worth[level+1])/2 {
			level++
		}
		code += level * b.powers[k]
	}
	return b.near[code*layout.BookNear:][:layout.BookNear]
}

// make lists values and neighbours, in some milliseconds.
func (b *Book) make() {
	book := block.CodebookOf(b.typ)
	worth := map[uint8]int8{}
	put := func(entry int, values []int8) {
		for k, v := range values {
			worth[book.Levels[entry*b.Dim+k]] = v
		}
		b.values = append(b.values, values...)
	}
	for i, v := range block.Values8(b.typ) {
		put(i, v[:])
	}
	for i, v := range block.Values4(b.typ) {
		put(i, v[:])
	}
	for level := range book.Base {
		b.worth = append(b.worth, float32(worth[uint8(level)]))
	}
	packed := make([]uint32, book.Entries())
	for i := range packed {
		packed[i] = uint32(i) << 16
		for k, level := range book.Levels[i*b.Dim:][:b.Dim] {
			packed[i] |= uint32(level) << (16 / b.Dim * k)
		}
	}
	codes := 1
	for range b.Dim {
		b.powers = append(b.powers, codes)
		codes *= book.Base
	}
	b.near = make([]uint32, 0, codes*layout.BookNear)
	distance := make([][]int, b.Dim+1) // of each entry, by the values from one on
	for k := range distance {
		distance[k] = make([]int, book.Entries())
	}
	for code := range codes {
		changed := 0 // the last level that is another one than in the code before
		for c := code; changed < b.Dim-1 && c%book.Base == 0; c /= book.Base {
			changed++
		}
		for k := changed; k >= 0; k-- {
			v := int(b.worth[code/b.powers[k]%book.Base])
			for i, rest := range distance[k+1] {
				d := v - int(b.values[i*b.Dim+k])
				distance[k][i] = rest + d*d
			}
		}
		for _, i := range nearestEntries(distance[0]) {
			b.near = append(b.near, packed[i])
		}
	}
}

// nearestEntries lists the entries of the least distances, the first of equal ones first.
func nearestEntries(distance []int) (list [layout.BookNear]int) {
	for i, d := range distance {
		n := min(i, len(list)) // listed so far
		if n == len(list) && d >= distance[list[n-1]] {
			continue
		}
		at := min(n, len(list)-1)
		for ; at > 0 && d < distance[list[at-1]]; at-- {
			list[at] = list[at-1]
		}
		list[at] = i
	}
	return list
}
