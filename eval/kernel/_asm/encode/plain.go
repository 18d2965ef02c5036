package encode

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

type plain struct{ Machine }

// Plain generates the conversions without a search, and the check for numbers that are not finite. Vectors of eight are
// fast enough here on every machine: memory is slower.
func Plain(m Machine) {
	p := plain{m}
	p.largestBits()
	p.q8()
	p.float16()
	p.bfloat16()
	p.evenSymmetric()
	p.evenAffine()
}

// belowHalf is the largest float32 below a half.
func belowHalf() Mem { return Bits(0x3effffff) }

// order puts the low bytes of dwords first, in each half.
func order() Mem {
	return Table("order", 32, func(i int) byte {
		if i %= 16; i < 4 {
			return byte(4 * i)
		}
		return 0x80
	})
}

// largestBits compares magnitudes as integers: Inf is 0x7f800000, and NaN more.
func (p plain) largestBits() {
	p.Func("largestBits", "func(x *float32, n int) uint32",
		"returns the largest of the bits of |x[i]|, n values, a multiple of 32.")
	x, n := Arg("x"), Arg("n")
	acc, mask := p.Zeros(4), p.Load(signless())
	Loop("values", n, 32, func() {
		for i := range acc {
			v := p.Vec()
			VPAND(Mem{Base: x, Disp: 32 * i}, mask, v)
			VPMAXUD(v, acc[i], acc[i])
		}
	}, By(128, x))
	VPMAXUD(acc[1], acc[0], acc[0])
	VPMAXUD(acc[3], acc[2], acc[2])
	VPMAXUD(acc[2], acc[0], acc[0])
	r := GP32()
	VMOVD(Fold(acc[0], VPMAXUD), r)
	Store(r, ReturnIndex(0))
	End()
}

// largest returns the largest magnitude of four vectors in all lanes; NaN does not count.
func (p plain) largest(x [4]reg.VecVirtual) reg.VecVirtual {
	most, a := p.Zero(), p.Vec()
	for _, v := range x {
		And(a, v, signless())
		Max(most, a, most)
	}
	Across(most, VMAXPS)
	return most
}

// q8 writes blocks of a 16-bit scale and 32 bytes.
func (p plain) q8() {
	p.Func("q8", "func(dst *byte, x *float32, blocks int)", "encodes blocks of 32 values as Q8_0.")
	dst, x, blocks := Arg("dst"), Arg("x"), Arg("blocks")
	Repeat("block", blocks, func() {
		var v [4]reg.VecVirtual
		for i := range v {
			v[i] = p.Load(Mem{Base: x, Disp: 32 * i})
		}
		d, t := p.largest(v), p.Vec()
		Div(d, d, p.Load(Float(127)))
		inverse := p.invert(d, p.Load(Float(1)))
		VCVTPS2PH(U8(0), d.AsX(), t.AsX())
		VPEXTRW(U8(0), t.AsX(), Mem{Base: dst})
		for i, v := range v {
			Mul(v, v, inverse)
			And(t, v, sign())
			Or(t, t, belowHalf())
			Add(v, v, t)
			VCVTTPS2DQ(v, v)
			VPSHUFB(order(), v, v)
			high := XMM()
			VEXTRACTI128(U8(1), v, high)
			VPUNPCKLDQ(high, v.AsX(), high)
			VMOVQ(high, Mem{Base: dst, Disp: 2 + 8*i})
		}
	}, By(128, x), By(34, dst))
	End()
}

// float16 keeps the payloads of NaN, unlike plain Go, so the callers keep NaN away from it.
func (p plain) float16() {
	p.Func("float16", "func(dst *byte, x *float32, n int)",
		"rounds n values, a multiple of 8, none NaN, to 16-bit floats.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	Loop("values", n, 8, func() {
		v := p.Load(Mem{Base: x})
		VCVTPS2PH(U8(0), v, Mem{Base: dst})
	}, By(32, x), By(16, dst))
	End()
}

// bfloat16 adds 0x7fff before it cuts, and one more where the kept part is odd: nearest, ties to even.
func (p plain) bfloat16() {
	p.Func("bfloat16", "func(dst *byte, x *float32, n int)", "rounds n values, a multiple of 16, none NaN, to bfloat16.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	round, one := p.Load(Bits(0x7fff)), p.Load(Bits(1))
	Loop("values", n, 16, func() {
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
	}, By(64, x), By(32, dst))
	End()
}

// at replaces value, in all lanes, by the first of a block's values that equals it, if there is one: the sign of the
// first of several zeros counts.
func (p plain) at(label string, x reg.GPVirtual, v [4]reg.VecVirtual, value reg.VecVirtual) {
	bits, part := GP64(), GP64()
	t := p.Vec()
	for i := 3; i >= 0; i-- {
		VCMPPS(Equal, value, v[i], t)
		VMOVMSKPS(t, part.As32())
		if i == 3 {
			MOVQ(part, bits)
			continue
		}
		SHLQ(Imm(8), bits)
		ORQ(part, bits)
	}
	TESTQ(bits, bits)
	JZ(LabelRef(label))
	BSFQ(bits, bits)
	VBROADCASTSS(Mem{Base: x, Index: bits, Scale: 4}, value)
	Label(label)
}

// invert is 1/d, or 0 for 0.
func (p plain) invert(d, unit reg.VecVirtual) reg.VecVirtual {
	inverse := p.Vec()
	Div(inverse, unit, d)
	p.Keep(inverse, p.Compare(NotEqual, d, p.Zero()), inverse)
	return inverse
}

// bytes writes min(top, int8(truncate(v))) of four vectors.
func (p plain) bytes(q reg.GPVirtual, v [4]reg.VecVirtual, top reg.VecVirtual) {
	for i, v := range v {
		VCVTTPS2DQ(v, v)
		VPSLLD(U8(24), v, v)
		VPSRAD(U8(24), v, v)
		VPMINSD(top, v, v)
		VPSHUFB(order(), v, v)
		high := XMM()
		VEXTRACTI128(U8(1), v, high)
		VPUNPCKLDQ(high, v.AsX(), high)
		VMOVQ(high, Mem{Base: q, Disp: 8 * i})
	}
}

// integer returns a parameter in all lanes, and as a float.
func (p plain) integer(name string) (dwords, floats reg.VecVirtual) {
	dwords, floats = p.IntArg(name), p.Vec()
	VCVTDQ2PS(dwords, floats)
	return dwords, floats
}

// blocks emits a loop over blocks of 32 values.
func (p plain) blocks(q, x, blocks reg.GPVirtual, body func(v [4]reg.VecVirtual)) {
	Repeat("block", blocks, func() {
		var v [4]reg.VecVirtual
		for i := range v {
			v[i] = p.Load(Mem{Base: x, Disp: 32 * i})
		}
		body(v)
	}, By(128, x), By(32, q))
	End()
}

func (p plain) evenSymmetric() {
	p.Func("evenSymmetric", "func(q *byte, d, x *float32, blocks, lowest int)",
		"is plainSymmetric for blocks of 32 values: levels q, of which 8 bits count, and scales d. lowest is the level -h.")
	q, d, x, count := Arg("q"), Arg("d"), Arg("x"), Arg("blocks")
	dwords, low := p.integer("lowest")
	top, shift := p.Vec(), p.Vec()
	VPADDD(dwords, dwords, dwords)
	VPCMPEQD(top, top, top)
	VPSUBD(dwords, top, top) // 2h - 1
	Sub(shift, p.Load(Float(0.5)), low)
	p.blocks(q, x, count, func(v [4]reg.VecVirtual) {
		most, sizes := p.largest(v), [4]reg.VecVirtual{}
		for i := range v {
			sizes[i] = p.Vec()
			And(sizes[i], v[i], signless())
		}
		zero := p.Compare(Equal, most, p.Zero())
		p.at("extreme", x, sizes, most)
		p.Drop(most, zero, most) // +0, whatever the sign of the first zero
		Div(most, most, low)
		VMOVSS(most.AsX(), Mem{Base: d})
		ADDQ(Imm(4), d)
		inverse := p.invert(most, p.Load(Float(1)))
		for _, v := range v {
			Mul(v, v, inverse)
			Add(v, v, shift)
		}
		p.bytes(q, v, top)
	})
}

func (p plain) evenAffine() {
	p.Func("evenAffine", "func(q *byte, d, low, x *float32, blocks, top int)",
		"is plainAffine for blocks of 32 values: levels q, of which 8 bits count, scales d and minima low.")
	q, d, m, x, count := Arg("q"), Arg("d"), Arg("low"), Arg("x"), Arg("blocks")
	dwords, top := p.integer("top")
	p.blocks(q, x, count, func(v [4]reg.VecVirtual) {
		low, high := p.Load(Float(math.MaxFloat32)), p.Load(Float(-math.MaxFloat32))
		for _, v := range v {
			Min(low, v, low)
			Max(high, v, high)
		}
		Across(low, VMINPS)
		Across(high, VMAXPS)
		p.at("low", x, v, low)
		p.at("high", x, v, high)
		VMOVSS(low.AsX(), Mem{Base: m})
		ADDQ(Imm(4), m)
		Sub(high, high, low)
		Div(high, high, top)
		VMOVSS(high.AsX(), Mem{Base: d})
		ADDQ(Imm(4), d)
		inverse := p.invert(high, p.Load(Float(1)))
		for _, v := range v {
			Sub(v, v, low)
			Mul(v, v, inverse)
			Add(v, v, Float(0.5))
		}
		p.bytes(q, v, dwords)
	})
}
