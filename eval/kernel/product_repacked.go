//go:build amd64 && !purego

package kernel

import "bitmill/formats"

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
	// Sums of products of 16 columns (blocks of 32: of all) begin with offset times the sum of activation codes, shifted by
	// shifts, as codes are in their places of a set; none: not at all.
	offset int32
	shifts []uint8
}

var stripProducts = map[formats.Type]*stripProduct{
	formats.Q2_K: {super: stripQ2K, unweave: unweaveQ2K},
	formats.Q3_K: {super: stripQ3K, unweave: unweaveQ3K, offset: -4, shifts: shiftsOf(3)},
	formats.Q4_K: {super: stripQ4K, unweave: unweaveQ4K},
	formats.Q5_K: {super: stripQ5K, unweave: unweaveQ5K, offset: -15, shifts: shiftsOf(5)},
	formats.Q6_K: {super: stripQ6K, unweave: unweaveQ6K, offset: -32, shifts: shiftsOf(6)},
	formats.Q4_0: {small: stripQ40, unweave: unweaveQ40, offset: -8},
	formats.Q4_1: {small: stripQ41, unweave: unweaveQ41},
	formats.Q5_0: {small: stripQ50, unweave: unweaveQ50, offset: -16},
	formats.Q5_1: {small: stripQ51, unweave: unweaveQ51},
	formats.Q8_0: {small: stripQ80, unweave: unweaveQ80, offset: -128},

	formats.BF16: {plain: stripBF16},

	formats.IQ4_NL:  {small: stripIQ4NL, unweave: unweaveIQ4NL, offset: -127},
	formats.MXFP4:   {small: stripMXFP4, unweave: unweaveMXFP4, offset: -12},
	formats.IQ4_XS:  {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ3_S:   {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ3_XXS: {level: stripLevel4x8, unweaveLevel: unweaveLevel4x8},
	formats.IQ2_XXS: {level: stripLevel3x8, unweaveLevel: unweaveLevel3x8},
	formats.IQ2_XS:  {level: stripLevel3x16, unweaveLevel: unweaveLevel3x16},
	formats.IQ2_S:   {level: stripLevel3x16, unweaveLevel: unweaveLevel3x16},
	formats.TQ1_0:   {level: stripLevel2, unweaveLevel: unweaveLevel2, shifts: shiftsOf(2)},
	formats.TQ2_0:   {level: stripLevel2, unweaveLevel: unweaveLevel2, shifts: shiftsOf(2)},
}

// matmulStrips multiplies whole strips.
func (p *products) matmulStrips(dst []float32, stride int, w stored, x *Activations, r0, r1 int, s *Scratch) {
	strip := p.strips[w.Type]
	if strip == nil {
		matmulGeneric(dst, stride, w, x, r0, r1, s)
		return
	}
	j := job{p, dst, stride, w, x, r0, r1, &s.tiles}
	switch {
	case x.n <= wideTokens:
		strip.prepare(x, w.strips.level, &s.rows)
		j.eachRows(lanes, func(t, r, rows int) { strip.one(&j, t, r, rows/lanes, &s.rows) })
	case strip.plain != nil:
		j.brain()
	default:
		j.wide(p.wide[w.Type])
	}
}

// one multiplies strips from row r on with token t.
func (p *stripProduct) one(j *job, t, r, strips int, s *rowScratch) {
	w, x, n := &j.w, j.x, j.w.strips.blocks
	to, from := &j.dst[t*j.stride+r], &w.Data[w.strips.rows(r)]
	switch {
	case p.plain != nil:
		p.plain(to, from, strips, n, &x.brain[t*x.stride])
	case p.level != nil:
		p.level(to, from, strips, n, &x.codes[t*x.stride], &s.scales[t*n], &s.quads[16*t*n], &w.strips.level.table[0])
	case p.small != nil:
		scaled := (*float32)(nil)
		if x.form == FormQ8_1 {
			scaled = &x.s[t*n]
		}
		p.small(to, from, strips, n, &x.codes[t*x.stride], &x.d[t*n], scaled, &s.quads[t*n])
	default:
		sums := &x.sums16[16*t*n]
		if superTypeOf(w.Type).group == 32 {
			sums = &x.sums32[8*t*n]
		}
		p.super(to, from, strips, n, &x.codes[t*x.stride], &x.d[t*n], sums, &s.quads[16*t*n])
	}
}

// prepare makes of the activations what kernels take beside them.
func (p *stripProduct) prepare(x *Activations, level *levelStrip, s *rowScratch) {
	switch {
	case p.plain != nil:
	case p.level != nil:
		s.multiply(x, level.factor)
		p.offsets(x, -int32(level.above()), s)
	default:
		p.offsets(x, p.offset, s)
	}
}

// offsets fills quads with what sums of products begin with.
func (p *stripProduct) offsets(x *Activations, offset int32, s *rowScratch) {
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
		to, head, body := &tile[b*record], &strip[s.half(b, 0)], &strip[s.word(b, 0, 0)]
		if l := s.level; p.unweaveLevel != nil {
			p.unweaveLevel(to, head, body, &l.table[0], l.factor, uint32(128-l.above())*each)
			continue
		}
		p.unweave(to, head, body)
	}
}
