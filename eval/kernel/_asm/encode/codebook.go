package encode

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type codebook struct{ search }

// Codebook generates the steps of codebookFit's search for many sub-blocks at once, except the search for near entries:
// see codebook_fit.go of package encode for what they compute. Rows of entries and codes are [group][column].
func Codebook(m Machine) {
	l := codebook{search{Machine: m}}
	l.start()
	l.round("codebookRound8", 8, 3)
	l.round("codebookRound4", 4, 8)
	l.sums("codebookSums8", 8)
	l.sums("codebookSums4", 4)
	l.roots()
	if !m.Wide() {
		l.signs()
	}
}

// each returns one vector for each group of columns.
func each(f func(group int) reg.VecVirtual) (v []reg.VecVirtual) {
	for g := range Groups {
		v = append(v, f(g))
	}
	return v
}

func (l *codebook) start() {
	l.Func("codebookStart", "func(state, x, w, wx *float32, n int)",
		"finds the largest value and the largest magnitude of n rows of x, and sets wx = w*x.")
	l.state = Arg("state")
	x, w, wx, end := Arg("x"), Arg("w"), Arg("wx"), Arg("n")
	l.RowBytes(end)
	most, far, mask := l.Zeros(Groups), l.Zeros(Groups), l.Load(signless())
	l.Each("values", end, 4, func(index reg.GPVirtual, disp int) {
		for g := range Groups {
			v, a := l.Load(l.At(x, index, disp, g)), l.Vec()
			Max(most[g], v, most[g])
			And(a, v, mask)
			VPMAXSD(a, far[g], far[g]) // as integers, so that NaN is the largest of all
			Mul(v, v, l.At(w, index, disp, g))
			VMOVUPS(v, l.At(wx, index, disp, g))
		}
	})
	none := l.Zero()
	for g := range Groups {
		VMOVUPS(most[g], l.row(layout.CodebookLargest, g))
		VMOVUPS(far[g], l.row(layout.CodebookReach, g))
		VMOVUPS(none, l.row(layout.CodebookRedo, g))
	}
	End()
}

// round emits one candidate's rounding: a code is the sum of level k * base^k, added up as floats, which are exact.
func (l *codebook) round(name string, dim, base int) {
	l.Func(name, "func(state, divisor, x *float32, found, lookup *int32, groups int, numerator float32)",
		fmt.Sprintf("sets inverse = numerator / divisor, and found to what lookup has for the codes of %d rows of x in each "+
			"group.", dim))
	l.state = Arg("state")
	divisor, x, found, lookup, groups := Arg("divisor"), Arg("x"), Arg("found"), Arg("lookup"), Arg("groups")
	numerator, ones := l.FloatArg("numerator"), l.Load(Float(1))
	inv := each(func(g int) reg.VecVirtual {
		v, t := l.Vec(), l.Vec()
		Div(v, numerator, Mem{Base: divisor, Disp: g * l.Bytes})
		VMOVUPS(v, l.row(layout.CodebookInverse, g))
		Div(t, ones, v)
		VMOVUPS(t, l.row(layout.CodebookStep, g))
		// No value reaches Wrap: inverse*x - 1, halved, stays below it when inverse*reach does.
		Mul(t, v, l.row(layout.CodebookReach, g))
		And(t, t, signless())
		bad := l.Compare(NotLess, t, l.Load(wrap()))
		l.note(bad, layout.CodebookRedo, g)
		return v
	})
	halves, tops, bases, none := l.Load(Float(0.5)), l.Load(Float(float64(base-1))), l.Load(Float(float64(base))), l.Zero()
	Repeat("group", groups, func() {
		code := l.Zeros(Groups)
		for k := dim - 1; k >= 0; k-- {
			for g := range Groups {
				v := l.Vec()
				Mul(v, inv[g], Mem{Base: x, Disp: k*l.Row() + g*l.Bytes})
				Sub(v, v, ones)
				Mul(v, v, halves)
				l.Round(v, v)
				Max(v, v, none)
				Min(v, v, tops)
				if k < dim-1 {
					Mul(code[g], code[g], bases)
				}
				Add(code[g], code[g], v)
			}
		}
		for g := range Groups {
			at := l.Vec()
			VCVTPS2DQ(code[g], at)
			VMOVUPS(l.gather(lookup, at, 4), Mem{Base: found, Disp: g * l.Bytes})
		}
	}, By(dim*l.Row(), x), By(l.Row(), found))
	End()
}

// sums emits fitSums and takes the candidate where it explains more. Above an entry's levels, a gathered word holds
// those of another entry, which no permutation looks at.
func (l *codebook) sums(name string, dim int) {
	l.Func(name, "func(state, wx, w *float32, best, entry *int32, entries *uint16, groups int)",
		"adds up w*x*q and w*q^2 of the entries; where they explain more than best does, they become the best.")
	l.state = Arg("state")
	wx, w, best, entry, entries, groups := Arg("wx"), Arg("w"), Arg("best"), Arg("entry"), Arg("entries"), Arg("groups")
	levels := 32 / dim // as many as a permutation can tell apart
	odd := func(i int) float64 { return float64(2*(i%levels) + 1) }
	values := l.Load(FloatTable(fmt.Sprintf("odd%d", dim), l.Floats(), odd))
	mask := l.Load(Bits(0xffff))
	sx, s2 := l.Zeros(Groups), l.Zeros(Groups)
	left, at := Copy(groups), Copy(entry)
	Repeat("group", left, func() {
		codes := each(func(g int) reg.VecVirtual {
			i := l.Load(Mem{Base: at, Disp: g * l.Bytes})
			And(i, i, mask)
			return l.gather(entries, i, 2)
		})
		for k := range dim {
			for g := range Groups {
				q, t := l.Vec(), l.Vec()
				if dim == 8 {
					VPERMILPS(codes[g], values, q)
				} else {
					VPERMPS(values, codes[g], q)
				}
				if k < dim-1 {
					VPSRLD(U8(16/dim), codes[g], codes[g])
				}
				disp := k*l.Row() + g*l.Bytes
				Mul(t, q, Mem{Base: wx, Disp: disp})
				Add(sx[g], sx[g], t)
				Mul(t, q, Mem{Base: w, Disp: disp})
				Mul(t, t, q)
				Add(s2[g], s2[g], t)
			}
		}
	}, By(dim*l.Row(), wx, w), By(l.Row(), at))
	l.take(sx, s2, best, entry, groups)
	End()
}

// take keeps the candidate in lanes where it explains more: see better.
func (l *codebook) take(sx, s2 []reg.VecVirtual, kept, entry, groups reg.GPVirtual) {
	var won [Groups]Mask
	for g := range Groups {
		VMOVUPS(sx[g], l.row(layout.CodebookXQ, g))
		VMOVUPS(s2[g], l.row(layout.CodebookQ2, g))
		mask, f, score := l.better(sx[g], s2[g], l.Load(l.row(layout.CodebookBest, g)))
		l.keep(score, mask, layout.CodebookBest, g)
		l.keep(f, mask, layout.CodebookScale, g)
		won[g] = mask
	}
	Repeat("entries", groups, func() {
		for g := range Groups {
			v := l.Load(Mem{Base: kept, Disp: g * l.Bytes})
			l.Choose(v, won[g], l.Load(Mem{Base: entry, Disp: g * l.Bytes}), v)
			VMOVUPS(v, Mem{Base: kept, Disp: g * l.Bytes})
		}
	}, By(l.Row(), kept, entry))
}

func (l *codebook) roots() {
	l.Func("codebookRoots", "func(root, w *float32, n int)", "takes the square roots of n weights, a multiple of 16.")
	root, w, n := Arg("root"), Arg("w"), Arg("n")
	Loop("values", n, 16, func() {
		for i := 0; i < 64; i += l.Bytes {
			v := l.Vec()
			VSQRTPS(Mem{Base: w, Disp: i}, v)
			VMOVUPS(v, Mem{Base: root, Disp: i})
		}
	}, By(64, w, root))
	End()
}

// signs uses vectors of eight on every machine.
func (l *codebook) signs() {
	l.Func("codebookSigns", "func(signs *byte, x *float32, n int)",
		"sets a bit for each of n values, a multiple of 8, that is not at least 0.")
	signs, x, n := Arg("signs"), Arg("x"), Arg("n")
	none := l.Zero()
	Loop("values", n, 8, func() {
		bits := GP32()
		VMOVMSKPS(l.Compare(NotGreaterEqual, l.Load(Mem{Base: x}), none), bits)
		MOVB(bits.As8(), Mem{Base: signs})
		ADDQ(Imm(32), x)
		INCQ(signs)
	})
	End()
}
