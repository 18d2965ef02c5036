package encode

import (
	"slices"
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

// make lists values and neighbours, in some tens of milliseconds.
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
	order, distance := make([]uint16, book.Entries()), make([]int, book.Entries())
	for code := range codes {
		for i := range order {
			order[i], distance[i] = uint16(i), 0
			for k, p := range b.powers {
				d := int(b.worth[code/p%book.Base]) - int(b.values[i*b.Dim+k])
				distance[i] += d * d
			}
		}
		for n := range layout.BookNear { // few of many: no need to sort
			least := n
			for i := n + 1; i < len(order); i++ {
				if distance[order[i]] < distance[order[least]] {
					least = i
				}
			}
			order[n], order[least] = order[least], order[n]
			b.near = append(b.near, packed[order[n]])
		}
	}
	b.near = slices.Clip(b.near)
}
