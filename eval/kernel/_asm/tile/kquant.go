package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// kquant emits a kernel for blocks of 256 with integer scales per group; int16 can sum so many steps.
func kquant(name, doc string, group, steps int, signed bool) {
	p := params{columns: 256, codes: "int8", more: ", sums *int16, sumStride int",
		pointers: map[string]string{"sums": "sumStride"}}
	emit(name, doc, p, func(f *frame) func() {
		sums := Arg("sums")
		return func() {
			f.mins(NewRows(sums, Arg("sumStride"), layout.Tokens), group, signed)
			ADDQ(U32(2*256/group), sums)
			f.groups(group, steps)
			// The block's integer sums become floats: record has moved on by the codes.
			acc := accumulators()
			for t := range layout.Tokens {
				for v := range vectors {
					VCVTDQ2PS(f.sum(layout.IntSums, t, v), acc[t][v])
				}
			}
			f.fuse(acc, layout.KQuantD-layout.KQuantScales)
			ADDQ(U32(layout.KQuantRecord-layout.KQuantScales), f.record)
			f.d.Advance(4)
		}
	})
}

// groups adds the products of groups, times their scales, to the integer sums.
func (f *frame) groups(group, steps int) {
	scales, count := GP64(), GP64() // weights and scales advance at different paces
	LEAQ(Mem{Base: f.record, Disp: layout.KQuantScales}, scales)
	MOVQ(U32(256/group), count)
	Repeat(f.name+"_group", count, func() {
		for at := 0; at < group; at += 4 * steps {
			acc := accumulators()
			f.multiply(acc, steps, at/4*layout.Vector, at)
			for v := range vectors {
				w := AVX2.Load(Mem{Base: scales, Disp: 32 * v})
				for t := range layout.Tokens {
					VPMADDWD(w, acc[t][v], acc[t][v])
					VPADDD(f.sum(layout.IntSums, t, v), acc[t][v], acc[t][v])
					VMOVDQU(acc[t][v], f.sum(layout.IntSums, t, v))
				}
			}
		}
		f.codes.Advance(group)
		ADDQ(U32(group/4*layout.Vector), f.record)
		ADDQ(U32(layout.Vector), scales)
	})
}

// mins computes sum_g mins[g]*sums[g], two groups at a time. Signed types start the integer sums with it; the others
// add it to the float sums and start from zero. The tile holds -mins or -dmin.
func (f *frame) mins(sums Rows, group int, signed bool) {
	acc := accumulators()
	for p := range 256 / group / 2 {
		w := AVX2.LoadMany(vectors, Mem{Base: f.record, Disp: layout.KQuantMins + 64*p})
		for t := range layout.Tokens {
			q := YMM()
			VPBROADCASTD(sums.At(t, 4*p), q)
			for v := range w {
				if p == 0 {
					VPMADDWD(q, w[v], acc[t][v])
					continue
				}
				x := YMM()
				VPMADDWD(q, w[v], x)
				VPADDD(x, acc[t][v], acc[t][v])
			}
		}
	}
	if signed {
		for t := range layout.Tokens {
			for v := range vectors {
				VMOVDQU(acc[t][v], f.sum(layout.IntSums, t, v))
			}
		}
		return
	}
	f.scale(acc, layout.KQuantDmin)
	f.clear(layout.IntSums)
}
