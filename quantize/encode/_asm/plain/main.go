// Command plain generates the conversions that search nothing, and the check for numbers that are not finite. One vector of
// eight is enough here for every machine: memory is slower.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/quantize/encode/asm/wide"
)

type plain struct {
	Machine
	signless, sign, half Mem
	round, one           Mem
}

func main() {
	m := Parse()
	p := plain{m, m.Bits("signless", 0x7fffffff), m.Bits("sign", 0x80000000), m.Bits("belowHalf", 0x3effffff),
		m.Bits("round", 0x7fff), m.Bits("one", 1)}
	p.peak()
	p.q8()
	p.float16()
	p.bfloat16()
	Generate()
}

// peak compares magnitudes as integers: Inf is 0x7f800000, and NaN more.
func (p plain) peak() {
	p.Func("peak", "func(x *float32, n int) uint32", "returns the largest of the bits of |x[i]|, n values, a multiple of 32.")
	x, n := Arg("x"), Arg("n")
	var acc [4]reg.VecVirtual
	for i := range acc {
		acc[i] = p.Vec()
		VPXOR(acc[i], acc[i], acc[i])
	}
	mask := p.Load(p.signless)
	Label("values")
	for i := range acc {
		v := p.Vec()
		VPAND(Mem{Base: x, Disp: 32 * i}, mask, v)
		VPMAXUD(v, acc[i], acc[i])
	}
	ADDQ(U32(128), x)
	SUBQ(Imm(32), n)
	JNZ(LabelRef("values"))
	VPMAXUD(acc[1], acc[0], acc[0])
	VPMAXUD(acc[3], acc[2], acc[2])
	VPMAXUD(acc[2], acc[0], acc[0])
	t, low := XMM(), acc[0].AsX()
	VEXTRACTI128(U8(1), acc[0], t)
	VPMAXUD(t, low, low)
	VPSHUFD(U8(0x4e), low, t)
	VPMAXUD(t, low, low)
	VPSHUFD(U8(0xb1), low, t)
	VPMAXUD(t, low, low)
	r := GP32()
	VMOVD(low, r)
	Store(r, ReturnIndex(0))
	p.Return()
}

// largest returns the largest magnitude of four vectors in all lanes; NaN does not count.
func (p plain) largest(x [4]reg.VecVirtual) reg.VecVirtual {
	most, a := p.Zero(), p.Vec()
	for _, v := range x {
		And(a, v, p.signless)
		Max(most, a, most)
	}
	VPERM2F128(U8(1), most, most, a)
	Max(most, a, most)
	VPERMILPS(U8(0x4e), most, a)
	Max(most, a, most)
	VPERMILPS(U8(0xb1), most, a)
	Max(most, a, most)
	return most
}

// q8 writes blocks of a 16-bit scale and 32 bytes.
func (p plain) q8() {
	limit, unit := p.Float("limit", 127), p.Float("unit", 1)
	order := GLOBL("order"+p.Suffix, RODATA|NOPTR) // the low bytes of dwords, of each half
	for i := range 32 {
		v := uint8(0x80)
		if i%16 < 4 {
			v = uint8(4 * (i % 16))
		}
		DATA(i, U8(v))
	}
	p.Func("q8", "func(dst *byte, x *float32, blocks int)", "encodes blocks of 32 values as Q8_0.")
	dst, x, blocks := Arg("dst"), Arg("x"), Arg("blocks")
	Label("block")
	var v [4]reg.VecVirtual
	for i := range v {
		v[i] = p.Load(Mem{Base: x, Disp: 32 * i})
	}
	d, inverse, t := p.largest(v), p.Vec(), p.Vec()
	Div(d, d, p.Load(limit))
	Div(inverse, p.Load(unit), d)
	And(inverse, inverse, p.Compare(NotEqual, d, p.Zero()))
	VCVTPS2PH(U8(0), d.AsX(), t.AsX())
	VPEXTRW(U8(0), t.AsX(), Mem{Base: dst})
	for i, v := range v {
		Mul(v, v, inverse)
		And(t, v, p.sign)
		Or(t, t, p.half)
		Add(v, v, t)
		VCVTTPS2DQ(v, v)
		VPSHUFB(order, v, v)
		high := XMM()
		VEXTRACTI128(U8(1), v, high)
		VPUNPCKLDQ(high, v.AsX(), high)
		VMOVQ(high, Mem{Base: dst, Disp: 2 + 8*i})
	}
	ADDQ(U32(128), x)
	ADDQ(Imm(34), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	p.Return()
}

// float16 keeps the payloads of NaN, which plain Go does not.
func (p plain) float16() {
	p.Func("float16", "func(dst *byte, x *float32, n int)", "rounds n values, a multiple of 8, none NaN, to 16-bit floats.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	Label("values")
	v := p.Load(Mem{Base: x})
	VCVTPS2PH(U8(0), v, Mem{Base: dst})
	ADDQ(Imm(32), x)
	ADDQ(Imm(16), dst)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("values"))
	p.Return()
}

// bfloat16 adds half of what is cut off, and one more where the kept part is odd.
func (p plain) bfloat16() {
	p.Func("bfloat16", "func(dst *byte, x *float32, n int)", "rounds n values, a multiple of 16, none NaN, to bfloat16.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	round, one := p.Load(p.round), p.Load(p.one)
	Label("values")
	var v [2]reg.VecVirtual
	for i := range v {
		v[i] = p.Load(Mem{Base: x, Disp: 32 * i})
		t := p.Vec()
		VPSRLD(U8(16), v[i], t)
		VPAND(one, t, t)
		VPADDD(round, t, t)
		VPADDD(t, v[i], v[i])
		VPSRLD(U8(16), v[i], v[i])
	}
	VPACKUSDW(v[1], v[0], v[0])
	VPERMQ(U8(0xd8), v[0], v[0])
	VMOVDQU(v[0], Mem{Base: dst})
	ADDQ(Imm(64), x)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("values"))
	p.Return()
}
