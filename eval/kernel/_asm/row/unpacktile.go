package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// Tiles for AVX-512 are filled in two steps: rows are unpacked one by one to a stage of sixteen times 256 bytes, which
// transpose16 reads. Scales go straight to the record, those of blocks of 256 by way of the end of the stage.

// fold reports whether codes are multiplied with their scales, because the products fit a byte: up to 3*15 in Q2_K; in
// Q3_K (c-4)*s, which is 3 to 255 with 127 added.
func (t KQuant) fold() bool { return t.group == 16 && t.offset < 3 }

// Fill emits the unpacking of a block of up to sixteen rows.
func (t KQuant) Fill() {
	name := "fill" + t.Name + "AVX512"
	Func(name, "func(record *byte, src *byte, stride int, rows int, stage *byte)",
		fmt.Sprintf("unpacks a %s block of each of some rows, stride bytes apart: codes to stage, sixteen times 256 bytes "+
			"and 1024 for itself, scales to the record.", t.Name))
	s := AVX2
	record, w, stride, rows, stage := Arg("record"), Arg("src"), Arg("stride"), Arg("rows"), Arg("stage")
	u := newUnpacker(s, w, t.low, t.high)
	spread := t.spread(s)
	scaleStage, d := GP64(), GP64()
	LEAQ(Mem{Base: stage, Disp: 16 * 256}, scaleStage)
	LEAQ(Mem{Base: record, Disp: layout.KQuantD}, d)
	Repeat(name+"_row", rows, func() {
		scales, mins := t.scales(s, w)
		switch {
		case mins != nil:
			VMOVDQU(mins, Mem{Base: scaleStage})
		case !t.fold():
			VMOVDQU(scales, Mem{Base: scaleStage})
		}
		var each, base func(j int) reg.VecVirtual
		if t.fold() {
			each = spread(scales)
			if t.offset > 0 {
				x := YMM()
				VPSLLW(U8(uint8(t.offset)), scales, x)
				zero := AVX2.Load(Words(layout.Folded))
				VPSUBW(x, zero, x)
				VPSLLW(U8(8), x, zero)
				VPADDW(zero, x, x) // in both bytes of a word
				base = spread(x)
			}
		}
		u.shared = map[int]reg.VecVirtual{}
		for j := range 8 {
			c := u.codes(t.low, t.high, j)
			if each != nil {
				VPMULLW(each(j), c, c) // bytes carry nothing in the end
			}
			if base != nil {
				VPADDW(base(j), c, c)
			}
			VMOVDQU(c, Mem{Base: stage, Disp: 32 * j})
		}
		x := XMM()
		VPBROADCASTW(Mem{Base: w, Disp: t.d}, x)
		if t.offset == 0 {
			VMOVD(Mem{Base: w, Disp: t.d}, x)
		}
		VCVTPH2PS(x, x)
		VMOVSS(x, Mem{Base: d})
		if t.offset == 0 {
			VEXTRACTPS(U8(1), x, Mem{Base: d, Disp: layout.KQuantDmin - layout.KQuantD})
		}
		ADDQ(stride, w)
	}, By(256, stage), By(64, scaleStage), By(4, d))
	if !t.fold() || t.offset == 0 {
		Load(Param("stage"), stage)
		t.turnScales(stage, record)
	}
	End()
}

// turnScales transposes the scales of sixteen rows: pairs of int16 that are minima, negated, or two scales.
func (t KQuant) turnScales(stage, record reg.GPVirtual) {
	in := AVX512.LoadMany(16, Mem{Base: stage, Disp: 16 * 256})
	out := Transpose16(in)
	zero := AVX512.Zero()
	mins, scales := out[:0], out[:0]
	switch {
	case t.group == 32:
		scales, mins = out[:4], out[4:8]
	case t.offset == 0:
		mins = out[:8]
	default:
		scales = out[:8]
	}
	for p, v := range mins {
		VPSUBW(v, zero, v)
		VMOVDQA32(v, Mem{Base: record, Disp: layout.KQuantMins + layout.Vector*p})
	}
	for p, v := range scales {
		even := ZMM()
		VPSLLD(U8(16), v, even)
		VPSRAD(U8(16), even, even)
		VPSRAD(U8(16), v, v)
		VMOVDQA32(even, Mem{Base: record, Disp: layout.KQuantScales + layout.Vector*2*p})
		VMOVDQA32(v, Mem{Base: record, Disp: layout.KQuantScales + layout.Vector*(2*p+1)})
	}
}

// Fill emits the unpacking of blocks of 32 of up to sixteen rows.
func (t Legacy) Fill() {
	name := "fill" + t.Name + "AVX512"
	Func(name, "func(record *byte, src *byte, stride int, rows int, stage *byte, blocks int)",
		fmt.Sprintf("unpacks up to eight %s blocks of each of some rows, stride bytes apart: codes to stage, sixteen times "+
			"256 bytes, scales to as many records.", t.Name))
	s := AVX512
	record, src, stride, rows, stage := Arg("record"), Arg("src"), Arg("stride"), Arg("rows"), Arg("stage")
	k := t.load(s)
	w, to, d, blocks := GP64(), GP64(), GP64(), GP64()
	Repeat(name+"_row", rows, func() {
		MOVQ(src, w)
		MOVQ(stage, to)
		MOVQ(record, d)
		Load(Param("blocks"), blocks)
		Repeat(name+"_block", blocks, func() {
			c, x := YMM(), XMM()
			t.unpack(s, k, w, 0, c)
			VMOVDQU(c, Mem{Base: to})
			if t.min {
				VMOVD(Mem{Base: w}, x)
			} else {
				VPBROADCASTW(Mem{Base: w}, x)
			}
			VCVTPH2PS(x, x)
			VMOVSS(x, Mem{Base: d, Disp: layout.LegacyD})
			if t.min {
				VEXTRACTPS(U8(1), x, Mem{Base: d, Disp: layout.LegacyM})
			}
			ADDQ(U32(uint32(t.bytes)), w)
			ADDQ(Imm(32), to)
			ADDQ(U32(layout.LegacyRecord), d)
		})
		ADDQ(stride, src)
	}, By(256, stage), By(4, record))
	End()
}

// EmitUnpack generates the unpacking of blocks to tiles for AVX-512.
func EmitUnpack() {
	for _, t := range KQuants {
		t.Fill()
	}
	for _, t := range Legacies {
		t.Fill()
	}
}
