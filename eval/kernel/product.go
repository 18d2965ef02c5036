package kernel

import "bitmill/formats"

// typeFuncs are the ways in which an instruction set multiplies weights of a type.
type typeFuncs struct {
	rows     func(p *product)          // up to rowTokens tokens, with rows as they are stored
	tiles    func(p *product)          // any number of tokens, with tiles of some columns; nil: with float tiles
	full     func(p *product)          // more than fullTokens tokens, with tiles of all columns; nil: as tiles
	repacked *repackedFuncs            // rows that are interleaved; nil: repacking gains nothing
	packBits func(words, code4s *byte) // of a block to be repacked; nil: words are code4s
}

// typeTable is the functions of an instruction set, by type.
type typeTable [len(weightTypes)]typeFuncs

// funcs are the Set's functions for a type that has products.
func (set *Set) funcs(t formats.Type) *typeFuncs {
	if set.types == nil || int(t) >= len(set.types) {
		return &typeFuncs{}
	}
	return &set.types[t]
}

// tileFuncs are the functions of an instruction set that make and multiply tiles, whatever the type; strides are in
// bytes.
type tileFuncs struct {
	float     func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, m, k, accumulate int)
	transpose func(dst *uint32, chunk int, src *uint32, stride, chunks int) // eight rows, chunks of 32 bytes

	// transpose16 takes chunks of 64 bytes of sixteen rows, the halves of which go half bytes apart, and adds to
	// bytes; nil: there is none.
	transpose16 func(dst *byte, half int, src *byte, stride, chunks int, add uint32)

	floatsF16, floatsBF16 func(dst *float32, src *byte, n int)
	int16sQ8              func(dst *int16, src *byte, blocks int)
}

// product is a call of MatMul.
type product struct {
	set    *Set
	typ    *weightType
	funcs  *typeFuncs
	tiles  *tiles
	rows   *rowScratch
	dst    []float32
	stride int
	w      stored
	x      *Activations
	r0, r1 int
}

// multiply is MatMul with generated functions.
func (set *Set) multiply(dst []float32, stride int, w stored, x *Activations, r0, r1 int, s *Scratch) {
	p := &s.product // not a variable, which functions by pointer would make escape
	*p = product{set, w.typ, set.funcs(w.Type), &s.tiles, &s.rows, dst, stride, w, x, r0, r1}
	p.tiles.signed.codeFuncs, p.rows.signed.codeFuncs = set.codeFuncs, set.codeFuncs
	whole := w.shape.whole // rows that are interleaved
	if r0 < whole {
		p.r1 = min(r1, whole)
		p.multiplyRepacked(s)
	}
	if r1 > whole {
		if w.Repacked {
			p.w.Data, p.w.Rows, p.w.Repacked = w.Data[w.shape.rows(whole):], w.Rows-whole, false
		}
		p.dst, p.r0, p.r1 = dst[whole:], max(0, r0-whole), r1-whole
		p.multiply()
	}
	*p = product{}
}

// multiply multiplies rows as they are stored.
func (p *product) multiply() {
	f, own := p.funcs, p.x.form == p.typ.form // else activations are not rounded
	few := p.x.n <= rowTokens && !p.set.fixed
	switch {
	case (p.x.n > fullTokens || !few) && own && f.full != nil:
		f.full(p)
	case few && (own || p.w.block == 1) && f.rows != nil:
		f.rows(p)
	case few && p.x.form.values() && p.typ.signed != nil:
		p.signedRows()
	case own && f.tiles != nil:
		f.tiles(p)
	default:
		p.floatTiles()
	}
}
