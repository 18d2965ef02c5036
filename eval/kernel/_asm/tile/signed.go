package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// signed emits a kernel for signed codes in blocks of 32 with float scales; halves: of 16, with the second scale where
// others have the minimum. VPMADDUBSW takes |activation| as unsigned bytes and the code with the activation's sign:
// codes are never -128, and 2 x 128 x 127 fits 16 bits.
func signed(name, doc string, halves bool) {
	emit(name, doc, params{columns: 32, codes: "int8"}, func(f *frame) func() {
		return func() {
			if halves {
				f.scale(f.multiplySigned(0, 4), layout.LegacyD)
				f.scale(f.multiplySigned(4, 4), layout.LegacyM)
			} else {
				f.scale(f.multiplySigned(0, 8), layout.LegacyD)
			}
			f.next(32, layout.LegacyRecord)
		}
	})
}

// multiplySigned emits steps from the given one on, leaving int32 sums in acc[token][vector].
func (f *frame) multiplySigned(first, steps int) [][]reg.VecVirtual {
	acc := accumulators()
	one := AVX2.Load(Words(1))
	for s := first; s < first+steps; s++ {
		w := AVX2.LoadMany(vectors, Mem{Base: f.record, Disp: s * layout.Vector})
		for t := range layout.Tokens {
			q, size := YMM(), YMM()
			VPBROADCASTD(f.codes.At(t, 4*s), q)
			VPABSB(q, size)
			for v := range w {
				p := YMM()
				VPSIGNB(q, w[v], p)
				VPMADDUBSW(p, size, p)
				if s == first {
					VPMADDWD(one, p, acc[t][v])
					continue
				}
				VPMADDWD(one, p, p)
				VPADDD(p, acc[t][v], acc[t][v])
			}
		}
	}
	return acc
}
