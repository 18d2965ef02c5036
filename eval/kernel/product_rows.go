package kernel

import (
	"bitmill/eval/kernel/layout"
	"bitmill/formats/block"
)

// The generated functions multiply rows, which lie one after the other, with one token.
type (
	kquantRowFunc   func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16)
	legacyRowFunc   func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *float32, offsets *[4]int32)
	floatRowFunc    func(dst *float32, w *byte, rows, stride, n int, x *float32)
	block64RowFunc  func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *[16]float32, starts *int32)
	iq4xsRowFunc    func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, starts *int32)
	codebookRowFunc func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16, table *byte)
)

// codeOrder puts activation codes into the order in which a function takes them; nil: as they are.
type codeOrder func(codes, from []int8)

// rowBytes is how many bytes of weights are multiplied with all tokens before the next ones are read: they stay in the
// second-level cache.
const rowBytes = 128 << 10

// eachRows calls run for a token and a number of rows from row r on, a multiple of unit but for the last ones; all
// tokens for some rows before the next rows.
func (p *product) eachRows(unit int, run func(t, r, rows int)) {
	step := max(1, rowBytes/p.w.rowBytes/unit) * unit
	if p.x.n == 1 {
		step = p.r1 - p.r0
	}
	for r := p.r0; r < p.r1; r += step {
		for t := range p.x.n {
			run(t, r, min(step, p.r1-r))
		}
	}
}

// at returns pointers to the product of token t with row r, and to the row.
func (p *product) at(t, r int) (dst *float32, w *byte) {
	return &p.dst[t*p.stride+r], &p.w.Data[r*p.w.rowBytes]
}

// ordered returns the codes of all tokens, put in order.
func (p *product) ordered(order codeOrder) []int8 {
	x, s := p.x, p.rows
	if order == nil {
		return x.codes
	}
	s.codes = grow(s.codes, x.n*x.stride)
	for t := range x.n {
		at := t * x.stride
		order(s.codes[at:at+x.cols], x.codes[at:at+x.cols])
	}
	return s.codes
}

// kquantRows multiplies blocks of 256.
func kquantRows(multiply kquantRowFunc, order codeOrder) func(p *product) {
	return func(p *product) {
		x, s, blocks := p.x, p.rows, p.w.Cols/256
		s.negate(x, p.typ.group)
		codes := p.ordered(order)
		p.eachRows(1, func(t, r, rows int) {
			dst, w := p.at(t, r)
			multiply(dst, w, rows, blocks, &codes[t*x.stride], &x.d[t*blocks], &s.sums[t*x.cols/16])
		})
	}
}

// legacyRows multiplies blocks of 32; with an order, four of them at once.
func legacyRows(multiply legacyRowFunc, order codeOrder) func(p *product) {
	return func(p *product) {
		x, s, blocks := p.x, p.rows, p.w.Cols/32
		codes := p.ordered(order)
		s.pair(x, p.typ.offset, order != nil)
		p.eachRows(1, func(t, r, rows int) {
			dst, w := p.at(t, r)
			multiply(dst, w, rows, blocks, &codes[t*x.stride], &s.scales[2*t*blocks], &s.offsets[t*blocks])
		})
	}
}

// block64Rows multiplies blocks of 64 or 128 with few values.
func block64Rows(multiply block64RowFunc) func(p *product) {
	return func(p *product) {
		x, s := p.x, p.rows
		s.sumCode4s(x, x.codes, x.stride, p.typ.offset)
		s.repeat(x)
		p.eachRows(1, func(t, r, rows int) {
			dst, w := p.at(t, r)
			multiply(dst, w, rows, x.cols/p.w.block,
				&x.codes[t*x.stride], &s.sixteens[t*x.cols/64], &s.starts[t*x.cols/4])
		})
	}
}

// iq4xsRows multiplies IQ4_XS with values made unsigned by adding 128.
func iq4xsRows(multiply iq4xsRowFunc, order codeOrder) func(p *product) {
	return func(p *product) {
		x, s, blocks := p.x, p.rows, p.w.Cols/256
		codes := p.ordered(order)
		s.sumCode4s(x, codes, x.stride, layout.Full)
		p.eachRows(1, func(t, r, rows int) {
			dst, w := p.at(t, r)
			multiply(dst, w, rows, blocks, &codes[t*x.stride], &x.d[t*blocks], &s.starts[t*x.cols/4])
		})
	}
}

// codebookRows multiplies blocks of 256 whose values come from a codebook, or from a vector if there are sixteen or
// three.
func codebookRows(multiply codebookRowFunc) func(p *product) {
	return func(p *product) {
		x, s, blocks := p.x, p.rows, p.w.Cols/256
		var table *byte
		if p.typ.codebook != nil {
			table = p.typ.codebook()
		}
		s.multiplyScales(x, p.typ.factor)
		p.eachRows(1, func(t, r, rows int) {
			dst, w := p.at(t, r)
			multiply(dst, w, rows, blocks, &x.codes[t*x.stride], &s.scales[t*blocks], &x.sums16[t*x.cols/16], table)
		})
	}
}

// floatRows multiplies plain numbers; the last columns, fewer than sixteen, are decoded one by one.
func floatRows(multiply floatRowFunc) func(p *product) {
	return func(p *product) {
		w, x, s := &p.w, p.x, p.rows
		whole := w.Cols &^ 15
		p.eachRows(1, func(t, r, rows int) {
			dst := p.dst[t*p.stride+r:][:rows]
			clear(dst)
			if whole > 0 {
				multiply(&dst[0], &w.Data[r*w.rowBytes], rows, w.rowBytes, whole, &x.f32[t*x.stride])
			}
			if whole == w.Cols {
				return
			}
			last := s.rest[:w.Cols-whole]
			for i := range dst {
				_ = block.Decode(w.Type, last, w.row(r + i)[whole*w.blockBytes:]) // the lengths have been checked
				dst[i] += dotFloat(last, x.f32[t*x.stride+whole:][:len(last)])
			}
		})
	}
}

// signedRows unpacks each row once and multiplies it with the float32 values of all tokens.
func (p *product) signedRows() {
	w, x, c := &p.w, p.x, &p.rows.signed
	c.codes, c.scales = grow(c.codes, w.Cols), grow(c.scales, w.Cols/16)
	for r := p.r0; r < p.r1; r++ {
		p.typ.signed(c, w.row(r))
		for t := range x.n {
			c.dot(&p.dst[t*p.stride+r], &c.codes[0], &c.scales[0], len(c.scales), &x.f32[t*x.stride])
		}
	}
}
