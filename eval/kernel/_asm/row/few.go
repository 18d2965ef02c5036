package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// Few is a type of few levels whose blocks hold 64 columns or a multiple, multiplied with activations in blocks of 32.
// Codes have a number added so that none is negative; it is taken back by what sums of four activations start from.
type Few struct {
	Name   string
	bytes  int
	chunks int    // vectors of codes
	times  uint16 // AVX2: what products are multiplied by
	// start loads what stays in registers. scale returns the scales of the fours of chunk c, codes unpacks its codes.
	start func(f *few)
	scale func(f *few, c int) reg.VecVirtual
	codes func(f *few, c int) reg.VecVirtual
}

// few holds a type's pointer to a block and its constants.
type few struct {
	ISA
	w      reg.GPVirtual
	d      reg.VecVirtual    // the only scale of a block
	k      [3]reg.VecVirtual // what codes needs
	powers reg.GPVirtual     // the address of the scales of all bytes
}

// Fews are these types for AVX-512 with VBMI; see formats/block for their layouts.
var Fews = []Few{
	{Name: "Q1", bytes: 18, chunks: 2, start: func(f *few) { f.k[0] = ISA{Wide: true}.load(bytesOf(2)) }, scale: half16,
		codes: func(f *few, c int) reg.VecVirtual {
			set, v := K(), ZMM()
			KMOVQ(Mem{Base: f.w, Disp: 2 + 8*c}, set)
			VMOVDQU8_Z(f.k[0], set, v)
			return v
		}},
	{Name: "Q2", bytes: 18, chunks: 1, start: func(f *few) {
		f.k[0] = ISA{Wide: true}.load(constant("row_twos", 64, func(i int) byte { return byte(2 * (i % 8)) }))
		f.k[1] = ISA{Wide: true}.load(bytesOf(3))
	}, scale: half16, codes: func(f *few, c int) reg.VecVirtual {
		v := ZMM()
		VPMOVZXWQ(Mem{Base: f.w, Disp: 2}, v)
		VPMULTISHIFTQB(v, f.k[0], v)
		VPANDD(f.k[1], v, v)
		return v
	}},
	{Name: "NVFP4", bytes: 36, chunks: 1, start: func(f *few) {
		f.powers = GP64()
		LEAQ(variable("fractions"), f.powers)
		f.k[0] = ZMM()
		VBROADCASTI32X4(variable("float4"), f.k[0])
		VPADDB(bytesOf(12), f.k[0], f.k[0])
		f.k[1] = ISA{Wide: true}.load(quadWords("row_pairs", func(q int) uint64 { return uint64(q / 2) }))
		f.k[2] = ISA{Wide: true}.load(bytesOf(15))
	}, scale: func(f *few, _ int) reg.VecVirtual {
		x := ZMM()
		for i := range 4 {
			e := GP64()
			MOVBQZX(Mem{Base: f.w, Disp: i}, e)
			m := Mem{Base: f.powers, Index: e, Scale: 4}
			if i == 0 {
				VMOVSS(m, x.AsX())
			} else {
				VINSERTPS(U8(16*i), m, x.AsX(), x.AsX())
			}
		}
		each := ZMM()
		VMOVDQU32(constant("row_fours", 64, func(i int) byte { return byte((4 - i%4) / 4 * (i / 16)) }), each)
		VPERMPS(x, each, x)
		return x
	}, codes: func(f *few, c int) reg.VecVirtual {
		v := ZMM()
		VMOVDQU32(Mem{Base: f.w, Disp: 4}, v.AsY())
		VPERMQ(v, f.k[1], v)
		VPSRLVQ(quadWords("row_halves", func(q int) uint64 { return uint64(q % 2 * 4) }), v, v)
		VPANDD(f.k[2], v, v)
		VPSHUFB(v, f.k[0], v)
		return v
	}},
}

// half16 takes the scale in the first two bytes.
func half16(f *few, c int) reg.VecVirtual {
	if c == 0 {
		f.d = f.vec()
		VPBROADCASTW(Mem{Base: f.w}, f.d.AsX())
		VCVTPH2PS(f.d.AsX(), f.d.AsX())
		VBROADCASTSS(f.d.AsX(), f.d)
	}
	return f.d
}

const fewSignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *[16]float32, quads *int32)"

// Emit generates the type's kernel.
func (t Few) Emit(s ISA) {
	name := "row" + t.Name + s.Name
	machine.Kernel(name, fewSignature, fmt.Sprintf("%s multiplies rows of %s blocks with a token, whose scales are repeated for "+
		"sixteen fours of codes. quads are sums of four codes times what is added to weights, negated.", name, t.Name))
	f := &few{ISA: s, w: machine.Arg("w")}
	t.start(f)
	dot := s.dot(t.times)
	size := s.size()
	eachRow(name, func(dst reg.GPVirtual) {
		codes, scales, quads, blocks := machine.Arg("codes"), machine.Arg("scales"), machine.Arg("quads"), machine.Arg("blocks")
		sum := make([]reg.VecVirtual, t.chunks) // as long as a sum takes, others start
		for c := range sum {
			sum[c] = s.vec()
			s.zero(sum[c])
		}
		Label(name + "_block")
		for c := range t.chunks {
			at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Disp: size * c} }
			scale := s.vec()
			VMULPS(at(scales), t.scale(f, c), scale)
			four := dot(at(codes), t.codes(f, c), at(quads))
			VCVTDQ2PS(four, four)
			VFMADD231PS(four, scale, sum[c])
		}
		ADDQ(U32(uint32(t.bytes)), f.w)
		ADDQ(U32(uint32(size*t.chunks)), codes)
		ADDQ(U32(uint32(size*t.chunks)), scales)
		ADDQ(U32(uint32(size*t.chunks)), quads)
		DECQ(blocks)
		JNZ(LabelRef(name + "_block"))
		total(sum, Mem{Base: dst})
	})
}

// dot returns what adds fours of products of unsigned c, with AVX2 multiplied by times, to start.
func (s ISA) dot(times uint16) func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
	if s.Wide {
		return func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
			four := ZMM()
			VMOVDQU32(start, four)
			VPDPBUSD(codes, c, four)
			return four
		}
	}
	each := s.load(words(times))
	return func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
		VPMADDUBSW(codes, c, c)
		VPMADDWD(each, c, c)
		VPADDD(start, c, c)
		return c
	}
}

// quadWords returns a vector of eight words of 64 bits.
func quadWords(name string, at func(q int) uint64) Mem {
	return constant(name, 64, func(i int) byte { return byte(at(i/8) >> (8 * (i % 8))) })
}
