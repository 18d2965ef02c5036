//go:build amd64 && !purego

package kernel

import "bitmill/formats"

// The generated products multiply a tile with groups of four tokens; strides are in bytes.
type (
	superKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride int, accumulate int)
	smallKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride int, s *float32, offset *int16, accumulate int)
	wordsKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int16, codeStride int,
		d *float32, dStride int, accumulate int)
	floatKernel func(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, m, k int, accumulate int)
)

// products is what an instruction set generates to multiply tiles: everything around it is shared.
type products struct {
	super32      superKernel // groups of 32, codes up to 15, float mins
	super16      superKernel // groups of 16, codes up to 31, float mins
	signed16     superKernel // groups of 16, codes up to 31, integer mins
	signed16wide superKernel // groups of 16, codes up to 63, integer mins
	small4       smallKernel // codes up to 15, offset
	small4min    smallKernel // codes up to 15, float mins
	small5       smallKernel // codes up to 31, offset
	small5min    smallKernel // codes up to 31, float mins
	words        wordsKernel // signed 8-bit codes as int16
	float        floatKernel
	levels       levelsKernel // signed codes, float scales
	levels16     levelsKernel // signed codes, float scales of 16
	transpose    func(dst *uint32, chunk int, src *uint32, stride int, chunks int)
	floatsF16    func(dst *float32, src *byte, n int)
	floatsBF16   func(dst *float32, src *byte, n int)
	wordsQ8      func(dst *int16, src *byte, blocks int)
	rows         *rowProducts // for few tokens
	strips       map[formats.Type]*stripProduct
	wide         map[formats.Type]*wideProduct // tiles of all columns
	brain        brainKernel                   // nil: rounded activations meet float tiles
}

func (p *products) matmul(dst []float32, stride int, w stored, x *Activations, r0, r1 int, s *Scratch) {
	if w.Repacked {
		if r0 < w.strips.whole {
			p.matmulStrips(dst, stride, w, x, r0, min(r1, w.strips.whole), s)
		}
		if r1 <= w.strips.whole {
			return
		}
		whole := w.strips.whole
		w.Data, w.Rows, w.Repacked = w.Data[w.strips.rows(whole):], w.Rows-whole, false
		dst, r0, r1 = dst[whole:], max(0, r0-whole), r1-whole
	}
	j := job{p, dst, stride, w, x, r0, r1, &s.tiles}
	if x.n > wideTokens && x.form != FormF32 {
		if wide := p.wide[w.Type]; wide != nil {
			j.wide(wide)
			return
		}
		if x.form == FormBF16 && p.brain != nil {
			j.brain()
			return
		}
	}
	if p.rows != nil && j.rows(p.rows, &s.rows) {
		return
	}
	if x.form == FormF32 && w.block > 1 {
		j.float()
		return
	}
	switch w.Type {
	case formats.Q4_K:
		j.super(p.super32, 32)
	case formats.Q2_K, formats.Q5_K:
		j.super(p.super16, 16)
	case formats.Q3_K:
		j.super(p.signed16, 16)
	case formats.Q6_K:
		j.super(p.signed16wide, 16)
	case formats.Q4_0:
		j.small(p.small4)
	case formats.Q4_1:
		j.small(p.small4min)
	case formats.Q5_0:
		j.small(p.small5)
	case formats.Q5_1:
		j.small(p.small5min)
	case formats.Q8_0:
		j.words()
	default:
		if unpack := unpackLevels[w.Type]; unpack != nil {
			j.levelTiles(unpack)
			return
		}
		j.float()
	}
}

// job is the arguments of one product.
type job struct {
	*products
	dst    []float32
	stride int
	w      stored
	x      *Activations
	r0, r1 int
	*tiles
}

// copyColumns copies rows of cols values, ldd and lds apart.
func copyColumns(dst []float32, ldd int, src []float32, lds int, rows, cols int) {
	for i := range rows {
		copy(dst[i*ldd:][:cols], src[i*lds:])
	}
}
