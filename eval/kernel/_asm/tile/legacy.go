package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// legacy emits a kernel for blocks of 32 with float scales on both sides. sums are the two sums of 16 codes; offset
// points to 16 copies of the type's offset, negated.
func legacy(name, doc string, steps int, min bool) {
	p := params{columns: 32, codes: "int8", more: ", sums *int16, sumStride int, s *float32, offset *int16",
		pointers: map[string]string{"sums": "sumStride", "s": "dStride"}}
	emit(name, doc, p, func(f *frame) func() {
		extra, offset := GP64(), GP64()
		if min {
			Load(Param("s"), extra)
		} else {
			Load(Param("sums"), extra)
			Load(Param("offset"), offset)
		}
		return func() {
			acc := f.sum32(steps)
			if min {
				f.scale(acc, layout.LegacyD)
				f.addMins(f.d.From(extra))
			} else {
				// A block's two sums, int16, take as many bytes as its scale.
				sums := NewRows(extra, Arg("sumStride"), layout.Tokens)
				for t := range layout.Tokens {
					q := YMM()
					VPBROADCASTD(sums.At(t, 0), q)
					VPMADDWD(Mem{Base: offset}, q, q)
					for v := range vectors {
						VPADDD(q, acc[t][v], acc[t][v])
					}
				}
				f.scale(acc, layout.LegacyD)
			}
			ADDQ(U32(4), extra)
			f.next(32, layout.LegacyRecord)
		}
	})
}

// sum32 returns the int32 sums of a block's products; int16 can sum so many steps.
func (f *frame) sum32(steps int) [][]reg.VecVirtual {
	acc := accumulators()
	f.multiply(acc, steps, 0, 0)
	if steps == 4 {
		one := AVX2.Load(Words(1))
		for t := range layout.Tokens {
			for v := range vectors {
				VPMADDWD(one, acc[t][v], acc[t][v])
				VMOVDQU(acc[t][v], f.sum(layout.IntSums, t, v))
			}
		}
		acc = accumulators()
		f.multiply(acc, steps, 4*layout.Vector, 16)
	}
	f.widen(acc, steps == 4)
	return acc
}

// widen turns int16 sums into int32 ones and adds the stored first half if there is one.
func (f *frame) widen(acc [][]reg.VecVirtual, stored bool) {
	one := AVX2.Load(Words(1))
	for t := range layout.Tokens {
		for v := range vectors {
			VPMADDWD(one, acc[t][v], acc[t][v])
			if stored {
				VPADDD(f.sum(layout.IntSums, t, v), acc[t][v], acc[t][v])
			}
		}
	}
}

// addMins adds m(row)*s(token) to the float sums.
func (f *frame) addMins(s Rows) {
	w := AVX2.LoadMany(vectors, Mem{Base: f.record, Disp: layout.LegacyM})
	for t := range layout.Tokens {
		q := YMM()
		VBROADCASTSS(s.At(t, 0), q)
		for v := range w {
			x := AVX2.Load(f.sum(layout.FloatSums, t, v))
			VFMADD231PS(q, w[v], x)
			VMOVUPS(x, f.sum(layout.FloatSums, t, v))
		}
	}
}

// int16Codes emits the kernel for signed 8-bit codes in blocks of 32, both sides held as int16: a step multiplies two
// columns and VPMADDWD sums to int32 at once. (VPMADDUBSW would need two passes over halves of the codes.)
func int16Codes(name, doc string) {
	emit(name, doc, params{columns: 32, codes: "int16"}, func(f *frame) func() {
		return func() {
			acc := accumulators()
			f.multiplyWith(acc, 16, 0, 0, VPMADDWD, VPADDD)
			f.scale(acc, layout.Int16D)
			f.next(64, layout.Int16Record)
		}
	})
}
