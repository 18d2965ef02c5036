package encode

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type near struct {
	Machine
	dim int
}

// CodebookNear generates the search for the best near entry, for groups whose levels are not in the codebook: see
// codebook.go of package encode for what it computes. Here a lane is a near entry; lists are so short that vectors of
// eight are the fastest on every machine.
//
// A vector holds what value k contributes to the error, by level, and the entries' levels select from it: from each
// four lanes with 8 values of three levels, from the whole vector with 4 values of eight levels.
func CodebookNear(m Machine) {
	near{m, 8}.search("codebookNear8")
	near{m, 4}.search("codebookNear4")
}

func (n near) search(name string) {
	n.Func(name, "func(entry, items *int32, count int, x, w *float32, places *uint32, scales *float32, columns int, "+
		"values *float32, levels, index *uint16)",
		"replaces the elements of entry listed in items by the best near entries. Item i has its values and weights at "+
			"places[i], in bytes, and levels are worth "+
			"scales[i mod columns] * values (a vector of them).")
	entry, items, count := Arg("entry"), Arg("items"), Arg("count")
	x, w, places, scales, columns := Arg("x"), Arg("w"), Arg("places"), Arg("scales"), Arg("columns")
	values, levels, index := Arg("values"), Arg("levels"), Arg("index")
	DECQ(columns)
	worth := n.Load(Mem{Base: values})
	TESTQ(count, count)
	JZ(LabelRef("done"))

	Repeat("item", count, func() {
		item, place, list, left := GP64(), GP64(), GP64(), GP64()
		MOVL(Mem{Base: items}, item.As32())
		MOVL(Mem{Base: places, Index: item, Scale: 4}, place.As32())
		MOVL(Mem{Base: entry, Index: item, Scale: 4}, list.As32())
		NOTL(list.As32())
		MOVQ(list, left)
		ANDQ(U32(1<<layout.CountBits-1), left)
		SHRQ(U8(layout.CountBits), list)
		SHLQ(U8(5), list) // 2 bytes * layout.ListAlign
		c := Copy(item)
		ANDQ(columns, c)
		at := n.Vec()
		VBROADCASTSS(Mem{Base: scales, Index: c, Scale: 4}, at)
		Mul(at, at, worth)
		terms := n.terms(at, x, w, place)

		// The first near entry wins when no sum is less than the largest float32.
		best, position := n.Load(Float(math.MaxFloat32)), n.Zero()
		here := n.Load(Table32("lanes", n.Floats(), func(i int) uint32 { return uint32(i) }))
		step := n.Load(Bits(uint32(n.Floats())))
		next := GP64()
		LEAQ(Mem{Base: levels, Index: list, Scale: 1}, next)
		Label("entries")
		p := n.Vec()
		VPMOVZXWD(Mem{Base: next}, p)
		e := n.sum(terms, p)
		less := n.Compare(Less, e, best)
		n.Choose(best, less, e, best)
		n.Choose(position, less, here, position)
		VPADDD(step, here, here)
		ADDQ(I32(int32(n.Bytes/2)), next)
		SUBQ(I32(int32(n.Bytes/4)), left)
		JG(LabelRef("entries"))

		n.first(best, position)
		MOVQ(list, next)
		ADDQ(index, next)
		VMOVD(position.AsX(), left.As32())
		MOVWLZX(Mem{Base: next, Index: left, Scale: 2}, left.As32())
		ORL(U32(layout.NearMark), left.As32())
		MOVL(left.As32(), Mem{Base: entry, Index: item, Scale: 4})
	}, By(4, items))
	Label("done")
	End()
}

// terms returns w*(at - x)^2 for each value.
func (n near) terms(at reg.VecVirtual, x, w, place reg.GPVirtual) (terms []reg.VecVirtual) {
	for k := range n.dim {
		d := n.Broadcast(Mem{Base: x, Index: place, Scale: 1, Disp: 4 * k})
		t := n.Broadcast(Mem{Base: w, Index: place, Scale: 1, Disp: 4 * k})
		Sub(d, at, d)
		Mul(t, t, d)
		Mul(t, t, d)
		terms = append(terms, t)
	}
	return terms
}

// sum adds the entries' terms in the order of the values.
func (n near) sum(terms []reg.VecVirtual, p reg.VecVirtual) reg.VecVirtual {
	e := n.Vec()
	for k, t := range terms {
		v := n.Vec()
		if k == 0 {
			v = e
		}
		if n.dim == 8 {
			VPERMILPS(p, t, v)
		} else {
			VPERMPS(t, p, v)
		}
		if k > 0 {
			Add(e, e, v)
		}
		if k < n.dim-1 {
			VPSRLD(U8(16/n.dim), p, p)
		}
	}
	return e
}

// first leaves the first position with the smallest sum in the first lane of position.
func (n near) first(best, position reg.VecVirtual) {
	least := n.Load(best)
	Across(least, VMINPS)
	// Lanes with larger sums get a position beyond all others.
	others := n.Compare(NotEqual, best, least)
	far := n.Vec()
	VPCMPEQD(far, far, far)
	n.Choose(position, others, far, position)
	Across(position, VPMINUD)
}
