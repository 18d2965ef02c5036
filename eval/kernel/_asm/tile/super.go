package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"bitmill/eval/kernel/_asm/machine"
)

const superSignature = "func(dst *float32, stride int, quads int, tile *byte, blocks int, codes *int8, codeStride int, " +
	"d *float32, dStride int, sums *int16, sumStride int, accumulate int)"

// Super emits a kernel for blocks of 256 with integer scales per group; steps is how many steps int16 can sum.
func Super(name, doc string, group, steps int, signed bool) {
	machine.Kernel(name, superSignature, fmt.Sprintf("%s multiplies blocks of 256: %s.", name, doc))
	f := frame{tile: machine.Arg("tile")}
	Label(name + "_tokens")
	f.begin(name)
	blocks := machine.Arg("blocks")
	f.record = GP64()
	LEAQ(Mem{Base: f.tile, Disp: records}, f.record)
	f.codes = machine.NewFourRows(machine.Arg("codes"), machine.Arg("codeStride"))
	d, sums := machine.Arg("d"), machine.Arg("sums")

	Label(name + "_block")
	f.mins(machine.NewFourRows(sums, machine.Arg("sumStride")), machine.NewFourRows(d, machine.Arg("dStride")), group, signed)
	ADDQ(U32(2*256/group), sums)

	// Groups: weights and scales advance at different paces.
	scales, count := GP64(), GP64()
	LEAQ(Mem{Base: f.record, Disp: superScales}, scales)
	MOVQ(U32(256/group), count)
	Label(name + "_group")
	for at := 0; at < group; at += 4 * steps {
		acc := accumulators()
		f.multiply(acc, steps, at/4*step, at)
		for v := range vectors {
			w := YMM()
			VMOVDQU(Mem{Base: scales, Disp: 32 * v}, w)
			for t := range tokens {
				VPMADDWD(w, acc[t][v], acc[t][v])
				VPADDD(f.sum(intSums, t, v), acc[t][v], acc[t][v])
				VMOVDQU(acc[t][v], f.sum(intSums, t, v))
			}
		}
	}
	f.codes.Advance(group)
	ADDQ(U32(group/4*step), f.record)
	ADDQ(U32(64), scales)
	DECQ(count)
	JNZ(LabelRef(name + "_group"))

	// The block's integer sums become floats: record has moved on by the codes.
	f.scale(machine.NewFourRows(d, machine.Arg("dStride")), superD-4096, intSums)
	ADDQ(U32(superRecord-4096), f.record)
	ADDQ(U32(4), d)
	DECQ(blocks)
	JNZ(LabelRef(name + "_block"))

	f.end([]string{"dst", "codes", "d", "sums"}, []string{"stride", "codeStride", "dStride", "sumStride"})
	quads := machine.Arg("quads")
	DECQ(quads)
	Store(quads, Param("quads"))
	JNZ(LabelRef(name + "_tokens"))
	VZEROUPPER()
	RET()
}

// mins computes sum_g mins[g]*sums[g], two groups at a time. Signed types start the integer sums with it; the others
// add it to the float sums and start from zero. The tile holds -mins or -dmin.
func (f frame) mins(sums, d machine.FourRows, group int, signed bool) {
	acc := accumulators()
	for p := range 256 / group / 2 {
		w := machine.Vectors(vectors)
		for v := range w {
			VMOVDQU(Mem{Base: f.record, Disp: superMins + 64*p + 32*v}, w[v])
		}
		for t := range tokens {
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
		for t := range tokens {
			for v := range vectors {
				VMOVDQU(acc[t][v], f.sum(intSums, t, v))
			}
		}
		return
	}
	f.scaleRegisters(acc, d, superDmin)
	z := YMM()
	VPXOR(z, z, z)
	for t := range tokens {
		for v := range vectors {
			VMOVDQU(z, f.sum(intSums, t, v))
		}
	}
}
