package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// Block64 is a type with few values and blocks of 64 columns or a multiple, multiplied with activations in blocks of
// 32. Codes have an offset added so that none is negative; the numbers that sums of four products start from take it
// back.
type Block64 struct {
	Name    string
	bytes   int
	vectors int    // of codes
	times   uint16 // AVX2: what products are multiplied by
	// start loads constants. scale returns the scales of vector c of codes, one for four codes each; codes unpacks it.
	start func(f *block64)
	scale func(f *block64, c int) reg.VecVirtual
	codes func(f *block64, c int) reg.VecVirtual
}

// block64 holds a type's pointer to a block and its constants.
type block64 struct {
	Machine
	w      reg.GPVirtual
	d      reg.VecVirtual    // the only scale of a block
	k      [3]reg.VecVirtual // what codes needs
	powers reg.GPVirtual     // the address of the scales of all bytes
}

// Block64AVX512 are the types of this kind for AVX-512 with VBMI; see formats/block for their layouts.
var Block64AVX512 = []Block64{
	{Name: "Q1", bytes: 18, vectors: 2, start: func(f *block64) { f.k[0] = AVX512.Load(Bytes(2)) }, scale: half16,
		codes: func(f *block64, c int) reg.VecVirtual {
			set, v := K(), ZMM()
			KMOVQ(Mem{Base: f.w, Disp: 2 + 8*c}, set)
			VMOVDQU8_Z(f.k[0], set, v)
			return v
		}},
	{Name: "Q2", bytes: 18, vectors: 1, start: func(f *block64) {
		f.k[0] = AVX512.Load(Table("row_twos", 64, func(i int) byte { return byte(2 * (i % 8)) }))
		f.k[1] = AVX512.Load(Bytes(3))
	}, scale: half16, codes: func(f *block64, c int) reg.VecVirtual {
		v := ZMM()
		VPMOVZXWQ(Mem{Base: f.w, Disp: 2}, v)
		VPMULTISHIFTQB(v, f.k[0], v)
		VPANDD(f.k[1], v, v)
		return v
	}},
	{Name: "NVFP4", bytes: 36, vectors: 1, start: func(f *block64) {
		f.powers = GP64()
		LEAQ(Variable("scalesUE4M3"), f.powers)
		f.k[0] = ZMM()
		VBROADCASTI32X4(Variable("float4"), f.k[0])
		VPADDB(Bytes(layout.OffsetFloat4), f.k[0], f.k[0])
		f.k[1] = AVX512.Load(Table64("row_pairs", 8, func(q int) uint64 { return uint64(q / 2) }))
		f.k[2] = AVX512.Load(Bytes(15))
	}, scale: func(f *block64, _ int) reg.VecVirtual {
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
		each := AVX512.Load(Table("row_fours", 64, func(i int) byte { return byte((4 - i%4) / 4 * (i / 16)) }))
		VPERMPS(x, each, x)
		return x
	}, codes: func(f *block64, c int) reg.VecVirtual {
		v := ZMM()
		VMOVDQU32(Mem{Base: f.w, Disp: 4}, v.AsY())
		VPERMQ(v, f.k[1], v)
		VPSRLVQ(Table64("row_halves", 8, func(q int) uint64 { return uint64(q % 2 * 4) }), v, v)
		VPANDD(f.k[2], v, v)
		VPSHUFB(v, f.k[0], v)
		return v
	}},
}

// half16 takes the scale in the first two bytes.
func half16(f *block64, c int) reg.VecVirtual {
	if c == 0 {
		f.d = f.Vec()
		VPBROADCASTW(Mem{Base: f.w}, f.d.AsX())
		VCVTPH2PS(f.d.AsX(), f.d.AsX())
		VBROADCASTSS(f.d.AsX(), f.d)
	}
	return f.d
}

const block64Signature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *[16]float32, " +
	"starts *int32)"

// Emit generates the type's kernel.
func (t Block64) Emit(s Machine) {
	name := "row" + t.Name + s.Suffix
	Func(name, block64Signature, fmt.Sprintf("multiplies rows of %s blocks with a token, whose scales are repeated for "+
		"sixteen fours of codes. starts are sums of four codes times what is added to weights, negated.", t.Name))
	f := &block64{Machine: s, w: Arg("w")}
	t.start(f)
	dot := dot(s, t.times)
	size := s.Bytes
	eachRow(name, func(dst reg.GPVirtual) {
		codes, scales, starts, blocks := Arg("codes"), Arg("scales"), Arg("starts"), Arg("blocks")
		sum := s.Zeros(t.vectors) // so that one addition need not wait for another
		Repeat(name+"_block", blocks, func() {
			for c := range t.vectors {
				at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Disp: size * c} }
				scale := s.Vec()
				VMULPS(at(scales), t.scale(f, c), scale)
				four := dot(at(codes), t.codes(f, c), at(starts))
				VCVTDQ2PS(four, four)
				VFMADD231PS(four, scale, sum[c])
			}
		}, By(t.bytes, f.w), By(size*t.vectors, codes, scales, starts))
		total(sum, Mem{Base: dst})
	})
}

// dot returns what adds four products each of unsigned codes c, with AVX2 multiplied by times, to start.
func dot(s Machine, times uint16) func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
	if s.Wide() {
		return func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
			four := AVX512.Load(start)
			VPDPBUSD(codes, c, four)
			return four
		}
	}
	each := s.Load(Words(times))
	return func(codes Mem, c reg.VecVirtual, start Mem) reg.VecVirtual {
		VPMADDUBSW(codes, c, c)
		VPMADDWD(each, c, c)
		VPADDD(start, c, c)
		return c
	}
}
