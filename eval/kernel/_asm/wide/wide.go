// Command wide generates the AVX-512 products of tiles of quantized weights with 8-bit activations.
//
// A tile is sixteen weight rows, the lanes, over all columns: unsigned bytes in the order [k/4][row][4], in records with
// their scales (tile.go). One VPDPBUSD multiplies four columns of sixteen rows with four codes of one token, broadcast
// from memory, and sums in int32, where nothing overflows. Eight tokens are multiplied at a time, and their sums stay in
// registers from the first column to the last.
//
// What a block needs to know of eight tokens beside their codes lies interleaved in a panel: see panelSuper and
// panelSmall in batch_panel.go. Codes stored with an offset start their sums from -offset*sum(activation codes).
package wide

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

const (
	tokens = 8
	vector = 64 // bytes of four columns of sixteen rows, or of one number per row

	// A panel is made of rows of eight 32-bit words, one per token. Of a block of 256: scales, pairs of sums of 32 codes
	// (4 rows), pairs of sums of 16 (8), sums of 16 times -128 (16), the sum of all times -127.
	line        = 4 * tokens
	panelD      = 0
	panelPairs  = 1 * line // of groups of 32
	panelHalves = 5 * line // of groups of 16
	panelOff    = 13 * line
	panelAll    = 29 * line
	panelSuper  = 30 * line
	// Of a block of 32: scales; the scaled sum, or the sum times -128; the sum of the first 16 times -128.
	panelS     = 1 * line
	panelHalf  = 2 * line
	panelSmall = 3 * line
)

func Emit() {
	super{name: "wideSuper32", doc: "scales and minima per 32 columns (Q4_K, Q5_K)", group: 32, mins: 32}.emit()
	super{name: "wideMins16", doc: "no scales, minima per 16 columns (Q2_K)", mins: 16}.emit()
	super{name: "wideOffset", doc: "no scales, offset 127 (Q3_K)", offset: true}.emit()
	super{name: "wideOffset16", doc: "scales per 16 columns, offset 128 (Q6_K)", group: 16, offset: true}.emit()
	super{name: "wideLevels32", doc: "float scales per 32 columns, offset 128 (i-quants)", group: 32, offset: true, float: true}.emit()
	super{name: "wideLevels16", doc: "float scales per 16 columns, offset 128 (IQ2_S)", group: 16, offset: true, float: true}.emit()
	small("wideSmall", "offset 128 (Q4_0, Q5_0, Q8_0)", false, false)
	small("wideSmallMins", "float minima (Q4_1, Q5_1)", true, false)
	small("wideSmall16", "offset 128, the second scale is that of the last 16 columns (NVFP4)", false, true)
	transpose()
}

const signature = "func(dst *float32, stride int, tile *byte, tileBytes int, tiles int, blocks int, codes *int8, codeStride int, panel *int32)"

// frame is what the kernels keep in general registers.
type frame struct {
	record, codes, panel reg.GPVirtual
	s1, s3, s5, s7       reg.GPVirtual    // multiples of the distance between tokens
	float, sum, acc      []reg.VecVirtual // of eight tokens
}

// begin starts a kernel: a loop over tiles around a loop over blocks.
func begin(name, doc string) *frame {
	machine.Kernel(name, signature, fmt.Sprintf("%s multiplies tiles with eight tokens: %s. tileBytes and stride are bytes from one "+
		"tile and one token's products to the next.", name, doc))
	f := &frame{record: GP64(), codes: GP64(), panel: GP64()}
	f.s1, f.s3, f.s5, f.s7 = multiples(machine.Arg("codeStride"))
	Label(name + "_tile")
	Load(Param("tile"), f.record)
	Load(Param("codes"), f.codes)
	Load(Param("panel"), f.panel)
	f.float, f.sum, f.acc = machine.Wide(tokens), machine.Wide(tokens), machine.Wide(tokens)
	for _, v := range f.float {
		VPXORD(v, v, v)
	}
	return f
}

func multiples(s reg.GPVirtual) (s1, s3, s5, s7 reg.GPVirtual) {
	s3, s5, s7 = GP64(), GP64(), GP64()
	LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	LEAQ(Mem{Base: s, Index: s, Scale: 4}, s5)
	LEAQ(Mem{Base: s3, Index: s, Scale: 4}, s7)
	return s, s3, s5, s7
}

// row addresses token t of eight that lie s1 bytes apart.
func row(base, s1, s3, s5, s7 reg.GPVirtual, t, disp int) Mem {
	m := Mem{Base: base, Disp: disp}
	switch t {
	case 1, 2, 4:
		m.Index, m.Scale = s1, uint8(t)
	case 3, 6:
		m.Index, m.Scale = s3, uint8(t/3)
	case 5:
		m.Index, m.Scale = s5, 1
	case 7:
		m.Index, m.Scale = s7, 1
	}
	return m
}

// end stores the products and goes on with the next tile.
func (f *frame) end(name string) {
	dst, tile, next := machine.Arg("dst"), machine.Arg("tile"), machine.Arg("tileBytes")
	s1, s3, s5, s7 := multiples(machine.Arg("stride"))
	for t, v := range f.float {
		VMOVUPS(v, row(dst, s1, s3, s5, s7, t, 0))
	}
	ADDQ(U32(vector), dst)
	Store(dst, Param("dst"))
	ADDQ(next, tile)
	Store(tile, Param("tile"))
	tiles := machine.Arg("tiles")
	DECQ(tiles)
	Store(tiles, Param("tiles"))
	JNZ(LabelRef(name + "_tile"))
	VZEROUPPER()
	RET()
}

// multiply adds the products of columns at to at+4*steps-1 to acc.
func (f *frame) multiply(acc []reg.VecVirtual, at, steps int) {
	for s := range steps {
		w := ZMM()
		VMOVDQA32(Mem{Base: f.record, Disp: (at/4 + s) * vector}, w)
		for t := range acc {
			VPDPBUSD_BCST(row(f.codes, f.s1, f.s3, f.s5, f.s7, t, at+4*s), w, acc[t])
		}
	}
}

// words fills v with the eight numbers of a panel's row, each in all lanes; at < 0 means zeros.
func words(v []reg.VecVirtual, panel reg.GPVirtual, at int) []reg.VecVirtual {
	for t := range v {
		if at < 0 {
			VPXORD(v[t], v[t], v[t])
		} else {
			VPBROADCASTD(Mem{Base: panel, Disp: at + 4*t}, v[t])
		}
	}
	return v
}

// super is a kernel for blocks of 256.
type super struct {
	name, doc string
	group     int // columns that share a scale; 0: codes are multiplied with it already
	mins      int // columns that share a minimum; 0: none
	offset    bool
	float     bool // scales are float32, and the record has no other ones
}

func (k super) emit() {
	f := begin(k.name, k.doc)
	blocks := machine.Arg("blocks")
	Label(k.name + "_block")
	var sum, mins []reg.VecVirtual
	if k.mins > 0 {
		mins = words(f.sum, f.panel, -1)
		at := map[int]int{32: panelPairs, 16: panelHalves}[k.mins]
		for p := range 256 / k.mins / 2 {
			w := ZMM()
			VMOVDQA32(Mem{Base: f.record, Disp: machine.SuperMins + p*vector}, w)
			for t := range mins {
				VPDPWSSD_BCST(Mem{Base: f.panel, Disp: at + p*line + 4*t}, w, mins[t])
			}
		}
		d, w := ZMM(), ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: machine.SuperDmin}, d)
		for t, m := range mins {
			VCVTDQ2PS(m, m)
			VMULPS(d, m, w)
			VFMADD231PS_BCST(Mem{Base: f.panel, Disp: panelD + 4*t}, w, f.float[t])
		}
	}
	if k.group == 0 {
		at := -1
		if k.offset {
			at = panelAll
		}
		sum = words(f.sum, f.panel, at)
		count := GP64()
		MOVQ(U32(4), count)
		Label(k.name + "_part")
		f.multiply(sum, 0, 16)
		f.advance(64)
		DECQ(count)
		JNZ(LabelRef(k.name + "_part"))
	} else {
		sum = words(f.sum, f.panel, -1)
		k.groups(f, sum)
	}
	d := ZMM()
	if !k.float {
		VMOVAPS(Mem{Base: f.record, Disp: machine.SuperD - 4096}, d) // record has moved on by the codes
	}
	for t, s := range sum {
		if !k.float {
			VCVTDQ2PS(s, s)
			VMULPS(d, s, s)
		}
		VFMADD231PS_BCST(Mem{Base: f.panel, Disp: panelD + 4*t}, s, f.float[t])
	}
	ADDQ(U32(machine.SuperRecord-4096), f.record)
	ADDQ(U32(panelSuper), f.panel)
	DECQ(blocks)
	JNZ(LabelRef(k.name + "_block"))
	f.end(k.name)
}

func (f *frame) advance(columns int) {
	ADDQ(U32(columns), f.codes)
	ADDQ(U32(columns/4*vector), f.record)
}

// groups adds every group's sum times its scale to sum.
func (k super) groups(f *frame, sum []reg.VecVirtual) {
	scales, offsets, count := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: f.record, Disp: machine.SuperScales}, scales)
	LEAQ(Mem{Base: f.panel, Disp: panelOff}, offsets)
	MOVQ(U32(256/k.group), count)
	Label(k.name + "_group")
	at := -1
	if k.offset {
		at = 0
	}
	acc := words(f.acc, offsets, at)
	if k.offset && k.group == 32 {
		for t := range acc {
			VPADDD_BCST(Mem{Base: offsets, Disp: line + 4*t}, acc[t], acc[t])
		}
	}
	f.multiply(acc, 0, k.group/4)
	w := ZMM()
	VMOVDQA32(Mem{Base: scales}, w)
	for t := range acc {
		if k.float {
			VCVTDQ2PS(acc[t], acc[t])
			VFMADD231PS(w, acc[t], sum[t])
			continue
		}
		VPMULLD(w, acc[t], acc[t])
		VPADDD(acc[t], sum[t], sum[t])
	}
	f.advance(k.group)
	ADDQ(U32(vector), scales)
	if k.offset {
		ADDQ(U32(k.group/16*line), offsets)
	}
	DECQ(count)
	JNZ(LabelRef(k.name + "_group"))
}

// small emits a kernel for blocks of 32 with float scales.
func small(name, doc string, mins, halves bool) {
	f := begin(name, doc)
	blocks := machine.Arg("blocks")
	Label(name + "_block")
	scaled := func(acc []reg.VecVirtual, at int) {
		d := ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: at}, d)
		for t, s := range acc {
			VCVTDQ2PS(s, s)
			VMULPS(d, s, s)
			VFMADD231PS_BCST(Mem{Base: f.panel, Disp: panelD + 4*t}, s, f.float[t])
		}
	}
	switch {
	case halves:
		first := words(f.sum, f.panel, panelHalf)
		f.multiply(first, 0, 4)
		second := words(f.acc, f.panel, panelS)
		for t := range second {
			x := ZMM()
			VPBROADCASTD(Mem{Base: f.panel, Disp: panelHalf + 4*t}, x)
			VPSUBD(x, second[t], second[t])
		}
		f.multiply(second, 16, 4)
		d, m := ZMM(), ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: machine.SmallD}, d)
		VMOVAPS(Mem{Base: f.record, Disp: machine.SmallM}, m)
		for t := range first {
			VCVTDQ2PS(first[t], first[t])
			VCVTDQ2PS(second[t], second[t])
			VMULPS(d, first[t], first[t])
			VFMADD231PS(m, second[t], first[t])
			VFMADD231PS_BCST(Mem{Base: f.panel, Disp: panelD + 4*t}, first[t], f.float[t])
		}
	case mins:
		acc := words(f.acc, f.panel, -1)
		f.multiply(acc, 0, 8)
		scaled(acc, machine.SmallD)
		m := ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: machine.SmallM}, m)
		for t := range acc {
			VFMADD231PS_BCST(Mem{Base: f.panel, Disp: panelS + 4*t}, m, f.float[t])
		}
	default:
		acc := words(f.acc, f.panel, panelS)
		f.multiply(acc, 0, 8)
		scaled(acc, machine.SmallD)
	}
	ADDQ(U32(32), f.codes)
	ADDQ(U32(machine.SmallRecord), f.record)
	ADDQ(U32(panelSmall), f.panel)
	DECQ(blocks)
	JNZ(LabelRef(name + "_block"))
	f.end(name)
}

// transpose turns sixteen rows of bytes into the order of a tile.
func transpose() {
	machine.Kernel("transpose16", "func(dst *byte, half int, src *byte, stride int, chunks int, add uint32)",
		"transpose16 transposes 16 x 16 words of 32 bits: word [r][j] of chunk c, at src + r*stride + 64*c bytes, goes to "+
			"dst + (2*c + j/8)*half + 64*(j%8) + 4*r bytes, add added to its bytes.")
	dst, half, src, stride, count := machine.Arg("dst"), machine.Arg("half"), machine.Arg("src"), machine.Arg("stride"), machine.Arg("chunks")
	s1, s3, s5, s7 := multiples(stride)
	bottom, add := GP64(), ZMM()
	LEAQ(Mem{Base: src, Index: s1, Scale: 8}, bottom)
	VPBROADCASTD(machine.Arg("add").As32(), add)
	Label("transpose16_chunk")
	in := machine.Wide(16)
	for r := range in {
		base := src
		if r >= 8 {
			base = bottom
		}
		VPADDB(row(base, s1, s3, s5, s7, r%8, 0), add, in[r])
	}
	for j, v := range machine.Turn(in) {
		m := Mem{Base: dst, Disp: vector * (j % 8)}
		if j >= 8 {
			m.Index, m.Scale = half, 1
		}
		VMOVDQU32(v, m)
	}
	ADDQ(U32(64), src)
	ADDQ(U32(64), bottom)
	LEAQ(Mem{Base: dst, Index: half, Scale: 2}, dst)
	DECQ(count)
	JNZ(LabelRef("transpose16_chunk"))
	VZEROUPPER()
	RET()
}
