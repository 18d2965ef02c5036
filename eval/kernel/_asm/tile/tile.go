// Package tile generates the parts of AVX2 products of quantized weights with 8-bit activations.
//
// A tile is sixteen weight rows (lanes), unpacked to unsigned bytes in the order [k/4][row][4]; see tile.go for the
// records. One step multiplies 4 columns of 16 rows with 4 tokens: VPMADDUBSW takes two vectors of weights and one
// token's 4 bytes, broadcast, and yields pairs of products in int16. They are summed in int16 for as many steps as
// cannot overflow, then VPMADDWD multiplies with the group's integer scale and sums to int32.
//
//	codes up to 15:  8 steps x 2 x 15 x 128 = 30720
//	codes up to 31:  4 steps x 2 x 31 x 128 = 31744
//	codes up to 63:  2 steps x 2 x 63 x 128 = 32256
package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

const (
	tokens  = 4
	vectors = 2  // of 8 rows
	step    = 64 // bytes of weights in a step

	// Records start after the accumulators: float32 sums, then int32 sums, [token][vector].
	floatSums = 0
	intSums   = 256
	records   = 512

	// A record of 256 columns.
	superScales = 4096
	superMins   = superScales + 1024
	superD      = superMins + 512
	superDmin   = superD + 64
	superRecord = superDmin + 64

	// A record of 32 columns.
	smallD      = 512
	smallM      = smallD + 64
	smallRecord = smallM + 64

	// A record of 32 columns of int16.
	wordsD      = 1024
	wordsRecord = wordsD + 64
)

// frame is what both kinds of kernel keep in registers.
type frame struct {
	tile, record reg.GPVirtual
	codes        machine.FourRows
}

// multiply emits steps steps from column byte at (weights at weights), leaving int16 sums in acc[token][vector].
func (f frame) multiply(acc [][]reg.VecVirtual, steps, weights, at int) {
	f.multiplyWith(acc, steps, weights, at, VPMADDUBSW, VPADDW)
}

// multiplyWith does so with other instructions.
func (f frame) multiplyWith(acc [][]reg.VecVirtual, steps, weights, at int, multiply, add func(...Op)) {
	for s := range steps {
		w := machine.Vectors(vectors)
		for v := range w {
			VMOVDQU(Mem{Base: f.record, Disp: weights + s*step + 32*v}, w[v])
		}
		for t := range tokens {
			q := YMM()
			VPBROADCASTD(f.codes.At(t, at+4*s), q)
			for v := range w {
				if s == 0 {
					multiply(q, w[v], acc[t][v])
					continue
				}
				p := YMM()
				multiply(q, w[v], p)
				add(p, acc[t][v], acc[t][v])
			}
		}
	}
}

func accumulators() [][]reg.VecVirtual {
	acc := make([][]reg.VecVirtual, tokens)
	for t := range acc {
		acc[t] = machine.Vectors(vectors)
	}
	return acc
}

func (f frame) sum(area, t, v int) Mem {
	return Mem{Base: f.tile, Disp: area + 32*(vectors*t+v)}
}

// begin fills the float sums from dst, or with zeros.
func (f frame) begin(name string) {
	dst, stride := machine.Arg("dst"), machine.Arg("stride")
	rows := machine.NewFourRows(dst, stride)
	flag := machine.Arg("accumulate")
	TESTQ(flag, flag)
	JZ(LabelRef(name + "_zero"))
	for t := range tokens {
		for v := range vectors {
			x := YMM()
			VMOVUPS(rows.At(t, 32*v), x)
			VMOVUPS(x, f.sum(floatSums, t, v))
		}
	}
	JMP(LabelRef(name + "_start"))
	Label(name + "_zero")
	z := YMM()
	VXORPS(z, z, z)
	for t := range tokens {
		for v := range vectors {
			VMOVUPS(z, f.sum(floatSums, t, v))
		}
	}
	Label(name + "_start")
}

// end writes the float sums to dst and moves all token pointers on by four tokens.
func (f frame) end(pointers, strides []string) {
	dst, stride := machine.Arg("dst"), machine.Arg("stride")
	rows := machine.NewFourRows(dst, stride)
	for t := range tokens {
		for v := range vectors {
			x := YMM()
			VMOVUPS(f.sum(floatSums, t, v), x)
			VMOVUPS(x, rows.At(t, 32*v))
		}
	}
	for i := range pointers {
		p, s := machine.Arg(pointers[i]), machine.Arg(strides[i])
		LEAQ(Mem{Base: p, Index: s, Scale: 4}, p)
		Store(p, Param(pointers[i]))
	}
}

// scale adds the stored integer sums times d(row)*d(token) to the float sums.
func (f frame) scale(d machine.FourRows, at, area int) {
	acc := accumulators()
	for t := range tokens {
		for v := range vectors {
			VCVTDQ2PS(f.sum(area, t, v), acc[t][v])
		}
	}
	f.fuse(acc, d, at)
}

func (f frame) scaleRegisters(acc [][]reg.VecVirtual, d machine.FourRows, at int) {
	for t := range tokens {
		for v := range acc[t] {
			VCVTDQ2PS(acc[t][v], acc[t][v])
		}
	}
	f.fuse(acc, d, at)
}

// fuse adds acc * (row scale at record+at) * (token scale) to the float sums.
func (f frame) fuse(acc [][]reg.VecVirtual, d machine.FourRows, at int) {
	for t := range tokens {
		q := YMM()
		VBROADCASTSS(d.At(t, 0), q)
		for v := range acc[t] {
			x := YMM()
			VMULPS(Mem{Base: f.record, Disp: at + 32*v}, q, x)
			VFMADD213PS(f.sum(floatSums, t, v), acc[t][v], x)
			VMOVUPS(x, f.sum(floatSums, t, v))
		}
	}
}

// EmitSupers generates the products with weights in blocks of 256.
func EmitSupers() {
	Super("tileSuper32", "groups of 32, codes up to 15, float mins (Q4_K)", 32, 8, false)
	Super("tileSuper16", "groups of 16, codes up to 31, float mins (Q2_K, Q5_K)", 16, 4, false)
	Super("tileSigned16", "groups of 16, codes up to 31, mins taken off as integers (Q3_K)", 16, 4, true)
	Super("tileSigned16wide", "groups of 16, codes up to 63, mins taken off as integers (Q6_K)", 16, 2, true)
}

// EmitSmalls generates the products with weights in blocks of 32.
func EmitSmalls() {
	ones = constant("ones16", 1)
	Small("tileSmall4", "codes up to 15, offset (Q4_0)", 8, false)
	Small("tileSmall4min", "codes up to 15, float mins (Q4_1)", 8, true)
	Small("tileSmall5", "codes up to 31, offset (Q5_0)", 4, false)
	Small("tileSmall5min", "codes up to 31, float mins (Q5_1)", 4, true)
	Words("tileWords", "signed 8-bit codes as int16 (Q8_0)")
	Levels("tileLevels", "signed codes (i-quants, ternary, FP4)", false)
	Levels("tileLevels16", "signed codes with a scale per 16 (IQ2_S, NVFP4)", true)
}
