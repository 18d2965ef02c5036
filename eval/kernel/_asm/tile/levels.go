package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

const levelsSignature = "func(dst *float32, stride int, quads int, tile *byte, blocks int, codes *int8, codeStride int, " +
	"d *float32, dStride int, accumulate int)"

// Levels emits a kernel for signed codes in blocks of 32 with float scales; halves: of 16, the second scale in the place of
// the minimum. VPMADDUBSW takes |activation| as unsigned bytes and the code with the activation's sign: codes are never
// -128, and 2 x 128 x 127 fits 16 bits.
func Levels(name, doc string, halves bool) {
	machine.Kernel(name, levelsSignature, fmt.Sprintf("%s multiplies blocks of 32: %s.", name, doc))
	f := frame{tile: machine.Arg("tile")}
	Label(name + "_tokens")
	f.begin(name)
	blocks := machine.Arg("blocks")
	f.record = GP64()
	LEAQ(Mem{Base: f.tile, Disp: records}, f.record)
	f.codes = machine.NewFourRows(machine.Arg("codes"), machine.Arg("codeStride"))
	d := machine.NewFourRows(machine.Arg("d"), machine.Arg("dStride"))

	Label(name + "_block")
	acc := accumulators()
	if halves {
		f.multiplySigned(acc, 0, 4)
		f.scaleRegisters(acc, d, smallD)
		acc = accumulators()
		f.multiplySigned(acc, 4, 4)
		f.scaleRegisters(acc, d, smallM)
	} else {
		f.multiplySigned(acc, 0, 8)
		f.scaleRegisters(acc, d, smallD)
	}
	f.codes.Advance(32)
	d.Advance(4)
	ADDQ(U32(smallRecord), f.record)
	DECQ(blocks)
	JNZ(LabelRef(name + "_block"))

	f.end([]string{"dst", "codes", "d"}, []string{"stride", "codeStride", "dStride"})
	quads := machine.Arg("quads")
	DECQ(quads)
	Store(quads, Param("quads"))
	JNZ(LabelRef(name + "_tokens"))
	VZEROUPPER()
	RET()
}

// multiplySigned emits steps from the given one on, leaving int32 sums in acc[token][vector].
func (f frame) multiplySigned(acc [][]reg.VecVirtual, first, steps int) {
	one := YMM()
	VMOVDQU(ones, one)
	for s := first; s < first+steps; s++ {
		w := machine.Vectors(vectors)
		for v := range w {
			VMOVDQU(Mem{Base: f.record, Disp: s*step + 32*v}, w[v])
		}
		for t := range tokens {
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
}
