package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

var ones Mem

// Constants emits the constants of Small.
func Constants() {
	ones = constant("ones16", 1)
}

func constant(name string, v uint16) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(2*i, U16(v))
	}
	return m
}

const smallSignature = "func(dst *float32, stride int, quads int, tile *byte, blocks int, codes *int8, codeStride int, " +
	"d *float32, dStride int, sums *int16, sumStride int, s *float32, offset *int16, accumulate int)"

// Small emits a kernel for blocks of 32 with float scales on both sides. sums are the two sums of 16 codes; offset
// points to 16 copies of the type's offset, negated.
func Small(name, doc string, steps int, min bool) {
	machine.Kernel(name, smallSignature, fmt.Sprintf("%s multiplies blocks of 32: %s.", name, doc))
	f := frame{tile: machine.Arg("tile")}
	Label(name + "_tokens")
	f.begin(name)
	blocks := machine.Arg("blocks")
	f.record = GP64()
	LEAQ(Mem{Base: f.tile, Disp: records}, f.record)
	f.codes = machine.NewFourRows(machine.Arg("codes"), machine.Arg("codeStride"))
	d := machine.NewFourRows(machine.Arg("d"), machine.Arg("dStride"))
	extra := machine.Arg("sums")
	var offset reg.GPVirtual
	if min {
		Load(Param("s"), extra)
	} else {
		offset = machine.Arg("offset")
	}

	Label(name + "_block")
	acc := accumulators()
	f.multiply(acc, steps, 0, 0)
	if steps == 4 {
		one := YMM()
		VMOVDQU(ones, one)
		for t := range tokens {
			for v := range vectors {
				VPMADDWD(one, acc[t][v], acc[t][v])
				VMOVDQU(acc[t][v], f.sum(intSums, t, v))
			}
		}
		acc = accumulators()
		f.multiply(acc, steps, 4*step, 16)
	}
	f.widen(acc, steps == 4)
	if min {
		f.scaleRegisters(acc, d, smallD)
		f.addMins(machine.NewFourRows(extra, d.Stride))
		ADDQ(U32(4), extra)
	} else {
		// The sums of a block lie as close as its scale: two int16 beside a float32.
		sums := machine.NewFourRows(extra, machine.Arg("sumStride"))
		for t := range tokens {
			q := YMM()
			VPBROADCASTD(sums.At(t, 0), q)
			VPMADDWD(Mem{Base: offset}, q, q)
			for v := range vectors {
				VPADDD(q, acc[t][v], acc[t][v])
			}
		}
		ADDQ(U32(4), extra)
		f.scaleRegisters(acc, d, smallD)
	}
	f.codes.Advance(32)
	d.Advance(4)
	ADDQ(U32(smallRecord), f.record)
	DECQ(blocks)
	JNZ(LabelRef(name + "_block"))

	f.end([]string{"dst", "codes", "d", "sums", "s"}, []string{"stride", "codeStride", "dStride", "sumStride", "dStride"})
	quads := machine.Arg("quads")
	DECQ(quads)
	Store(quads, Param("quads"))
	JNZ(LabelRef(name + "_tokens"))
	VZEROUPPER()
	RET()
}

// widen turns int16 sums into int32 ones and adds the stored first half if there is one.
func (f frame) widen(acc [][]reg.VecVirtual, stored bool) {
	one := YMM()
	VMOVDQU(ones, one)
	for t := range tokens {
		for v := range vectors {
			VPMADDWD(one, acc[t][v], acc[t][v])
			if stored {
				VPADDD(f.sum(intSums, t, v), acc[t][v], acc[t][v])
			}
		}
	}
}

// addMins adds m(row)*s(token) to the float sums.
func (f frame) addMins(s machine.FourRows) {
	w := machine.Vectors(vectors)
	for v := range w {
		VMOVUPS(Mem{Base: f.record, Disp: smallM + 32*v}, w[v])
	}
	for t := range tokens {
		q := YMM()
		VBROADCASTSS(s.At(t, 0), q)
		for v := range w {
			x := YMM()
			VMOVUPS(f.sum(floatSums, t, v), x)
			VFMADD231PS(q, w[v], x)
			VMOVUPS(x, f.sum(floatSums, t, v))
		}
	}
}

const wordsSignature = "func(dst *float32, stride int, quads int, tile *byte, blocks int, codes *int16, codeStride int, " +
	"d *float32, dStride int, accumulate int)"

// Words emits the kernel for signed 8-bit codes in blocks of 32, both sides held as int16: a step multiplies two
// columns and VPMADDWD sums to int32 at once. (VPMADDUBSW would need two passes over halves of the codes.)
func Words(name, doc string) {
	machine.Kernel(name, wordsSignature, fmt.Sprintf("%s multiplies blocks of 32: %s.", name, doc))
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
	f.multiplyWith(acc, 16, 0, 0, VPMADDWD, VPADDD)
	f.scaleRegisters(acc, d, wordsD)
	f.codes.Advance(64)
	d.Advance(4)
	ADDQ(U32(wordsRecord), f.record)
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
