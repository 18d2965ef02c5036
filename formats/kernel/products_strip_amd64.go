//go:build !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
)

// The generated products multiply strips, which lie one after the other, with one token.
type (
	superStripKernel func(dst *float32, w *byte, strips, blocks int, codes *int8, d *float32, sums *int16, offsets *int32)
	smallStripKernel func(dst *float32, w *byte, strips, blocks int, codes *int8, d *float32, s *float32, offsets *int32)
	levelStripKernel func(dst *float32, w *byte, strips, blocks int, codes *int8, d *float32, offsets *int32, table *byte)
)

// stripProduct says how strips of a type are multiplied, and how a block is unpacked to a record of a tile.
type stripProduct struct {
	super   superStripKernel
	small   smallStripKernel
	level   levelStripKernel
	plain   func(dst *float32, w *byte, strips, blocks int, x *uint16)
	unweave func(record, head, body *byte)

	unweaveLevel func(record, head, body, table *byte, factor float32, add uint32)
	// Sums of products of 16 columns (blocks of 32: of all) begin with offset times the sum of activation codes, shifted as
	// codes are in their place of a set.
	offset int32
	shifts []uint8
}

var stripProducts = map[formats.Type]*stripProduct{
	formats.Q2_K: {super: stripQ2K, unweave: unweaveQ2K},
	formats.Q3_K: {super: stripQ3K, unweave: unweaveQ3K, offset: -4, shifts: []uint8{0, 3, 0, 3, 0, 3, 5, 5}},
	formats.Q4_K: {super: stripQ4K, unweave: unweaveQ4K},
	formats.Q5_K: {super: stripQ5K, unweave: unweaveQ5K, offset: -15, shifts: []uint8{0, 0, 0, 0, 0, 3, 3, 3}},
	formats.Q6_K: {super: stripQ6K, unweave: unweaveQ6K, offset: -32, shifts: []uint8{0, 0, 0, 2}},
	formats.Q4_0: {small: stripQ40, unweave: unweaveQ40, offset: -8},
	formats.Q4_1: {small: stripQ41, unweave: unweaveQ41},
	formats.Q5_0: {small: stripQ50, unweave: unweaveQ50, offset: -16},
	formats.Q5_1: {small: stripQ51, unweave: unweaveQ51},
	formats.Q8_0: {small: stripQ80, unweave: unweaveQ80, offset: -128},

	formats.BF16: {plain: stripBF16},

	formats.IQ4_NL:  {small: stripIQ4NL, unweave: unweaveIQ4NL, offset: -127},
	formats.IQ4_XS:  {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ3_S:   {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ3_XXS: {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ2_XXS: {level: stripLevel3x8, unweaveLevel: unweaveLevel3x8},
	formats.IQ2_XS:  {level: stripLevel3x16, unweaveLevel: unweaveLevel3x16},
	formats.IQ2_S:   {level: stripLevel3x16, unweaveLevel: unweaveLevel3x16},
	formats.TQ1_0:   {level: stripLevel2, unweaveLevel: unweaveLevel2, shifts: []uint8{0, 2, 4, 6}},
	formats.TQ2_0:   {level: stripLevel2, unweaveLevel: unweaveLevel2, shifts: []uint8{0, 2, 4, 6}},
}

// matmulStrips multiplies whole strips.
func (p *products) matmulStrips(dst []float32, stride int, w stored, x *Batch, r0, r1 int, s *Scratch) {
	strip := p.strips[w.Type]
	if strip == nil {
		matmulGeneric(dst, stride, w, x, r0, r1, s)
		return
	}
	j := job{p, dst, stride, w, x, r0, r1, &s.tiles}
	switch {
	case x.n <= wideTokens:
	case strip.plain != nil:
		j.brain()
		return
	default:
		j.wide(p.wide[w.Type])
		return
	}
	offset, level := strip.offset, w.strips.level
	if strip.level != nil {
		offset = -int32(level.above())
		s.rows.multiply(x, level.factor)
	}
	strip.offsets(x, offset, &s.rows)
	n, size := w.strips.blocks, w.strips.bytes()
	step := max(1, rowBytes/size) * lanes
	if x.n == 1 {
		step = r1 - r0
	}
	for r := r0; r < r1; r += step {
		rows := min(step, r1-r)
		for t := range x.n {
			to, from := &dst[t*stride+r], &w.Data[w.strips.rows(r)]
			if strip.plain != nil {
				strip.plain(to, from, rows/lanes, n, &x.brain[t*x.stride])
				continue
			}
			codes, d := &x.codes[t*x.stride], &x.d[t*n]
			if strip.level != nil {
				strip.level(to, from, rows/lanes, n, codes, &s.rows.scales[t*n], &s.rows.quads[16*t*n], &level.table[0])
				continue
			}
			if strip.small != nil {
				scaled := (*float32)(nil)
				if x.form == FormQ8_1 {
					scaled = &x.s[t*n]
				}
				strip.small(to, from, rows/lanes, n, codes, d, scaled, &s.rows.quads[t*n])
				continue
			}
			sums := &x.sums16[16*t*n]
			if superTypeOf(w.Type).group == 32 {
				sums = &x.sums32[8*t*n]
			}
			strip.super(to, from, rows/lanes, n, codes, d, sums, &s.rows.quads[16*t*n])
		}
	}
}

// offsets fills quads with what sums of products begin with.
func (p *stripProduct) offsets(x *Batch, offset int32, s *rowScratch) {
	if p.plain != nil {
		return
	}
	s.quads = grow(s.quads, x.n*x.cols/16)
	sums := x.sums16[:len(s.quads)]
	switch places := len(p.shifts); {
	case offset == 0:
	case p.small != nil:
		for i := range s.quads[:len(sums)/2] {
			s.quads[i] = offset * (int32(sums[2*i]) + int32(sums[2*i+1]))
		}
	case places == 0:
		for i, v := range sums {
			s.quads[i] = offset * int32(v)
		}
	default:
		for i := 0; i < len(sums); i += places {
			for k, shift := range p.shifts {
				s.quads[i+k] = offset * int32(sums[i+k]) << shift
			}
		}
	}
}

// fillStrip unpacks the strip of row to a tile.
func (j *job) fillStrip(tile []byte, record, row int) {
	p, s := j.products.strips[j.w.Type], &j.w.strips
	strip := j.w.strip(row)
	for b := range s.blocks {
		if l := s.level; p.unweaveLevel != nil {
			add := uint32(128-l.above()) * each
			p.unweaveLevel((*byte)(unsafe.Pointer(&tile[b*record])), &strip[s.half(b, 0)], &strip[s.word(b, 0, 0)], &l.table[0], l.factor, add)
			continue
		}
		p.unweave((*byte)(unsafe.Pointer(&tile[b*record])), &strip[s.half(b, 0)], &strip[s.word(b, 0, 0)])
	}
}
