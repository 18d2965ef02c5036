package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// legacy is a type with blocks of 32: d, and m in types with a minimum.
type legacy struct {
	interleaved
	name   string
	offset int // of codes, 0 in types with a minimum
	min    bool
	table  string // a variable with the sixteen values of codes, which get the offset added
	power  bool   // d is an 8-bit exponent, E8M0, of half the unit of the values
}

var legacies = []legacy{
	{name: "Q40", interleaved: inOrder(4, 32, 0), offset: layout.OffsetQ4_0},
	{name: "Q41", interleaved: inOrder(4, 32, 0), min: true},
	{name: "Q50", interleaved: inOrder(5, 32, 0), offset: layout.OffsetQ5_0},
	{name: "Q51", interleaved: inOrder(5, 32, 0), min: true},
	{name: "IQ4NL", interleaved: inOrder(4, 32, 0), offset: layout.OffsetNonlinear4, table: "nonlinear4"},
	{name: "MXFP4", interleaved: inOrder(4, 32, 0), offset: layout.OffsetFloat4, table: "float4", power: true},
	{name: "Q80", interleaved: inOrder(8, 32, 0), offset: layout.OffsetQ8_0},
}

// values loads the table plus the offset; nil: codes are the values.
func (t legacy) values() reg.VecVirtual {
	if t.table == "" {
		return nil
	}
	v := ZMM()
	VBROADCASTI32X4(Variable(t.table), v)
	VPADDB(Bytes(byte(t.offset)), v, v)
	return v
}

func (t legacy) perHead() int {
	switch {
	case t.min:
		return 1
	case t.power:
		return 4
	}
	return 2
}

// scale returns d of sixteen rows. An exponent e means 2^(e-128): a float of bits (e-1)<<23, or 1<<(21+e) for e < 2.
func (t legacy) scale(head Mem) reg.VecVirtual {
	f := ZMM()
	if !t.power {
		VCVTPH2PS(head, f)
		return f
	}
	e, low, tiny := ZMM(), ZMM(), K()
	VPMOVZXBD(head, e)
	VPCMPUD(U8(1), Bits(2), e, tiny) // less
	VPADDD(Bits(0xffffffff), e, f)
	VPSLLD(U8(23), f, f)
	VMOVDQU32(Bits(1<<21), low)
	VPSLLVD(e, low, tiny, f)
	return f
}

const legacySignature = "func(dst *float32, w *byte, sixteens, blocks int, codes *int8, " +
	"d *float32, s *float32, starts *int32)"

// dot emits the product of repacked rows with a token.
func (t legacy) dot() {
	name := "repacked" + t.name + "AVX512"
	what := "starts are what sums of products begin with."
	if t.min {
		what = "s are the scaled sums of activations."
	}
	Func(name, legacySignature, "multiplies repacked rows, sixteen by sixteen, of "+t.name+" blocks with a token; "+what)
	m, table := newMasks(t.masks()...), t.values()
	codes, d, extra := GP64(), GP64(), GP64()
	sum := ZMM()
	loop(name, t.perHead(), t.body(), func() {
		Load(Param("codes"), codes)
		Load(Param("d"), d)
		if t.min {
			Load(Param("s"), extra)
		} else {
			Load(Param("starts"), extra)
		}
		Clear(sum)
	}, func(head, body Mem) {
		t.block(m, table, head, body, codes, d, extra, sum)
		ADDQ(Imm(32), codes)
		ADDQ(Imm(4), d)
		ADDQ(Imm(4), extra)
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

// block adds the product of a block to sum.
func (t legacy) block(m masks, table reg.VecVirtual, head, body Mem, codes, d, extra reg.GPVirtual,
	sum reg.VecVirtual) {
	acc := map[int]reg.VecVirtual{} // by the shift of the codes
	if t.min {
		acc[0] = AVX512.Zero()
	} else {
		acc[0] = startsFrom(extra, 0)
	}
	t.each(m, body, 0, t.groups(), func(code4, slot int, v reg.VecVirtual) {
		shift := t.shift(slot)
		if table != nil {
			right(v, shift)
			look(table, v)
			shift = 0
		}
		if acc[shift] == nil {
			acc[shift] = AVX512.Zero()
		}
		VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * code4}, v, acc[shift])
	})
	for shift, v := range acc { // one at most
		if shift > 0 {
			rightSigned(v, shift)
			VPADDD(v, acc[0], acc[0])
		}
	}
	VCVTDQ2PS(acc[0], acc[0])
	f := t.scale(head)
	VMULPS_BCST(Mem{Base: d}, f, f)
	VFMADD231PS(acc[0], f, sum)
	if t.min {
		g := ZMM()
		VCVTPH2PS(head.Offset(32), g)
		VFMADD231PS_BCST(Mem{Base: extra}, g, sum)
	}
}
