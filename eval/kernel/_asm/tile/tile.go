// Package tile generates the parts of AVX2 products of quantized weights with 8-bit activations.
//
// A tile is sixteen weight rows (lanes), unpacked to unsigned bytes in the order [k/4][row][4]; see package layout for
// the records. One step multiplies 4 columns of 16 rows with 4 tokens: VPMADDUBSW takes two vectors of weights and one
// token's 4 bytes, broadcast, and yields pairs of products in int16. They are summed in int16 for as many steps as
// cannot overflow, then VPMADDWD multiplies with the group's integer scale and sums to int32.
//
//	codes up to 15:  8 steps x 2 x 15 x 128 = 30720
//	codes up to 31:  4 steps x 2 x 31 x 128 = 31744
//	codes up to 63:  2 steps x 2 x 63 x 128 = 32256
package tile

import (
	"fmt"
	"maps"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

const vectors = 2 // of eight rows

// frame is what the kernels keep in registers.
type frame struct {
	name         string
	tile, record reg.GPVirtual
	codes, d     Rows
}

// params are the parameters that not all kernels have.
type params struct {
	columns  int               // of a block
	codes    string            // the type of activation codes
	more     string            // the declarations
	pointers map[string]string // pointers into rows of tokens, with their strides
}

// emit emits a kernel: a loop over groups of tokens around a loop over blocks. start, called between the two, returns
// what emits the inside.
func emit(name, doc string, p params, start func(f *frame) (block func())) {
	Func(name, "func(dst *float32, stride int, fours int, tile *byte, blocks int, codes *"+p.codes+", codeStride int, "+
		"d *float32, dStride int"+p.more+", accumulate int)", fmt.Sprintf("multiplies blocks of %d: %s.", p.columns, doc))
	f := &frame{name: name, tile: Arg("tile")}
	Label(name + "_tokens")
	f.begin()
	blocks := Arg("blocks")
	f.record = GP64()
	LEAQ(Mem{Base: f.tile, Disp: layout.Records}, f.record)
	f.codes = NewRows(Arg("codes"), Arg("codeStride"), layout.Tokens)
	f.d = NewRows(Arg("d"), Arg("dStride"), layout.Tokens)
	Repeat(name+"_block", blocks, start(f))
	f.end()
	for _, pointer := range slices.Sorted(maps.Keys(p.pointers)) {
		next(pointer, p.pointers[pointer])
	}
	fours := Arg("fours")
	DECQ(fours)
	Store(fours, Param("fours"))
	JNZ(LabelRef(name + "_tokens"))
	End()
}

// multiply emits steps from byte at of the activations and byte weights of the record on, with int16 sums in
// acc[token][vector].
func (f *frame) multiply(acc [][]reg.VecVirtual, steps, weights, at int) {
	f.multiplyWith(acc, steps, weights, at, VPMADDUBSW, VPADDW)
}

// multiplyWith is multiply with other instructions.
func (f *frame) multiplyWith(acc [][]reg.VecVirtual, steps, weights, at int, multiply, add func(...Op)) {
	for s := range steps {
		w := AVX2.LoadMany(vectors, Mem{Base: f.record, Disp: weights + s*layout.Vector})
		for t := range layout.Tokens {
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
	acc := make([][]reg.VecVirtual, layout.Tokens)
	for t := range acc {
		acc[t] = AVX2.Vectors(vectors)
	}
	return acc
}

func (f *frame) sum(area, t, v int) Mem {
	return Mem{Base: f.tile, Disp: area + 32*(vectors*t+v)}
}

// begin fills the float sums from dst, or with zeros.
func (f *frame) begin() {
	rows := NewRows(Arg("dst"), Arg("stride"), layout.Tokens)
	flag := Arg("accumulate")
	TESTQ(flag, flag)
	JZ(LabelRef(f.name + "_zero"))
	for t := range layout.Tokens {
		for v := range vectors {
			VMOVUPS(AVX2.Load(rows.At(t, 32*v)), f.sum(layout.FloatSums, t, v))
		}
	}
	JMP(LabelRef(f.name + "_start"))
	Label(f.name + "_zero")
	f.clear(layout.FloatSums)
	Label(f.name + "_start")
}

// clear zeroes stored sums.
func (f *frame) clear(area int) {
	z := AVX2.Zero()
	for t := range layout.Tokens {
		for v := range vectors {
			VMOVUPS(z, f.sum(area, t, v))
		}
	}
}

// end writes the float sums to dst and moves pointers on by four tokens.
func (f *frame) end() {
	rows := NewRows(Arg("dst"), Arg("stride"), layout.Tokens)
	for t := range layout.Tokens {
		for v := range vectors {
			VMOVUPS(AVX2.Load(f.sum(layout.FloatSums, t, v)), rows.At(t, 32*v))
		}
	}
	next("dst", "stride")
	next("codes", "codeStride")
	next("d", "dStride")
}

// next goes on to the next block of 32.
func (f *frame) next(codes, record int) {
	f.codes.Advance(codes)
	f.d.Advance(4)
	ADDQ(U32(record), f.record)
}

// next moves a pointer on by four tokens.
func next(pointer, stride string) {
	p := Arg(pointer)
	LEAQ(Mem{Base: p, Index: Arg(stride), Scale: layout.Tokens}, p)
	Store(p, Param(pointer))
}

// scale adds acc, integers, times the scale of the row, at record+at, and of the token to the float sums.
func (f *frame) scale(acc [][]reg.VecVirtual, at int) {
	for t := range layout.Tokens {
		for v := range acc[t] {
			VCVTDQ2PS(acc[t][v], acc[t][v])
		}
	}
	f.fuse(acc, at)
}

// fuse is scale for floats.
func (f *frame) fuse(acc [][]reg.VecVirtual, at int) {
	for t := range layout.Tokens {
		q := YMM()
		VBROADCASTSS(f.d.At(t, 0), q)
		for v := range acc[t] {
			x := YMM()
			VMULPS(Mem{Base: f.record, Disp: at + 32*v}, q, x)
			VFMADD213PS(f.sum(layout.FloatSums, t, v), acc[t][v], x)
			VMOVUPS(x, f.sum(layout.FloatSums, t, v))
		}
	}
}

// EmitKQuants generates the products with weights in blocks of 256.
func EmitKQuants() {
	kquant("tileKQuant32AVX2", "groups of 32, codes up to 15, float mins (Q4_K)", 32, 8, false)
	kquant("tileKQuant16AVX2", "groups of 16, codes up to 31, float mins (Q2_K, Q5_K)", 16, 4, false)
	kquant("tileQ3KAVX2", "groups of 16, codes up to 31, mins taken off as integers (Q3_K)", 16, 4, true)
	kquant("tileQ6KAVX2", "groups of 16, codes up to 63, mins taken off as integers (Q6_K)", 16, 2, true)
}

// EmitLegacy generates the products with weights in blocks of 32.
func EmitLegacy() {
	legacy("tileLegacy4AVX2", "codes up to 15, offset (Q4_0)", 8, false)
	legacy("tileLegacy4MinAVX2", "codes up to 15, float mins (Q4_1)", 8, true)
	legacy("tileLegacy5AVX2", "codes up to 31, offset (Q5_0)", 4, false)
	legacy("tileLegacy5MinAVX2", "codes up to 31, float mins (Q5_1)", 4, true)
	int16Codes("tileInt16AVX2", "signed 8-bit codes as int16 (Q8_0)")
	signed("tileSignedAVX2", "signed codes (i-quants, ternary, FP4)", false)
	signed("tileSigned16AVX2", "signed codes with a scale per 16 (IQ2_S, NVFP4)", true)
}
