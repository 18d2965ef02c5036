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
	name  string
	bits  int
	min   bool
	add   uint32 // to a code, for tiles
	code4 func(group, slot int) int

	table string // a variable with the sixteen values of codes, which get above added
	above uint32
	power bool // d is an exponent of 8 bits, E8M0, of the half of what values are counted in
}

var legacies = []legacy{
	{name: "Q40", bits: 4, add: 128 - 8, code4: inFours},
	{name: "Q41", bits: 4, min: true, code4: inFours},
	{name: "Q50", bits: 5, add: 128 - 16, code4: func(_, slot int) int { return slot }},
	{name: "Q51", bits: 5, min: true, code4: func(_, slot int) int { return slot }},
	{name: "IQ4NL", bits: 4, add: 1, code4: inFours, table: "nonlinear4", above: 127},
	{name: "MXFP4", bits: 4, add: 128 - 12, code4: inFours, table: "float4", above: 12, power: true},
	{name: "Q80", bits: 8, code4: func(group, _ int) int { return group }},
}

// values is the table in a vector; nil: codes are values.
func (t legacy) values() reg.VecVirtual {
	if t.table == "" {
		return nil
	}
	v := ZMM()
	VBROADCASTI32X4(Variable(t.table), v)
	VPADDB(Bytes(byte(t.above)), v, v)
	return v
}

// look makes a value of a code that is shifted as it lies.
func look(table, v reg.VecVirtual, shift int) {
	if table == nil {
		return
	}
	if shift > 0 {
		VPSRLW(U8(uint8(shift)), v, v)
	}
	VPSHUFB(v, table, v)
}

func inFours(group, slot int) int { return 4*slot + group }

func (t legacy) perHead() int {
	switch {
	case t.min:
		return 1
	case t.power:
		return 4
	}
	return 2
}

// scale returns d of sixteen rows. An exponent e means 2^(e-128), a float of bits (e-1)<<23, but for e < 2: 1<<(21+e).
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

func (t legacy) codeGroups() int { return 8 / len(codeGroups[t.bits].shifts) }
func (t legacy) body() int       { return layout.Vector * t.codeGroups() * codeGroups[t.bits].words }

const legacySignature = "func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d *float32, s *float32, starts *int32)"

// dot emits the product of repacked rows with a token.
func (t legacy) dot() {
	name := "repacked" + t.name + "AVX512"
	what := "starts are what sums of products begin with."
	if t.min {
		what = "s are the scaled sums of activations."
	}
	Func(name, legacySignature, "multiplies repacked rows, sixteen by sixteen, of "+t.name+" blocks with a token; "+what)
	m, table := newMasks(groupMasks(t.bits)...), t.values()
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
		VPXORD(sum, sum, sum)
	}, func(head, body Mem) {
		t.block(m, table, head, body, codes, d, extra, sum)
		ADDQ(Imm(32), codes)
		ADDQ(Imm(4), d)
		ADDQ(Imm(4), extra)
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

// block adds the products of a block to sum.
func (t legacy) block(m masks, table reg.VecVirtual, head, body Mem, codes, d, extra reg.GPVirtual, sum reg.VecVirtual) {
	acc := map[int]reg.VecVirtual{0: ZMM()} // by what codes are shifted by
	if t.min {
		acc[0] = AVX512.Zero()
	} else {
		VPBROADCASTD(Mem{Base: extra}, acc[0])
	}
	s := codeGroups[t.bits]
	for i := range t.codeGroups() {
		unpackBits(t.bits, m, body.Offset(layout.Vector*i*s.words), func(p int, v reg.VecVirtual) {
			shift := s.shifts[p]
			if table != nil {
				look(table, v, shift)
				shift = 0
			}
			if acc[shift] == nil {
				acc[shift] = AVX512.Zero()
			}
			VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * t.code4(i, p)}, v, acc[shift])
		})
	}
	for shift, v := range acc { // one at most
		if shift > 0 {
			VPSRAD(U8(uint8(shift)), v, v)
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
