//go:build amd64 && !purego

package kernel

import (
	"bitmill/formats"
	"bitmill/formats/block"
)

// The generated products multiply rows, which lie one after the other, with one token.
type (
	superRowKernel  func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16)
	smallRowKernel  func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *float32, offsets *[4]int32)
	floatRowKernel  func(dst *float32, w *byte, rows, stride, n int, x *float32)
	fewRowKernel    func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *[16]float32, quads *int32)
	unevenRowKernel func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, quads *int32)
	pointRowKernel  func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16, table *byte)
)

// rowProducts is what an instruction set generates to multiply rows with a token.
type rowProducts struct {
	super  map[formats.Type]superRowKernel
	small  map[formats.Type]smallRowKernel
	float  map[formats.Type]floatRowKernel
	uneven map[formats.Type]unevenRowKernel
	few    map[formats.Type]*fewRows
	point  map[formats.Type]*pointRows
	order  map[formats.Type]func(codes, from []int8) // the order in which kernels take activation codes; nil: as they are
}

// rowBytes is how many bytes of weights meet all tokens before the next ones are read: they stay in the second-level
// cache.
const rowBytes = 128 << 10

// rows multiplies with few tokens and reports whether it can.
func (j *job) rows(p *rowProducts, s *rowScratch) bool {
	if j.x.n > rowTokens {
		return false
	}
	if kernel := p.super[j.w.Type]; kernel != nil && !j.x.form.values() {
		j.superRows(kernel, s)
		return true
	}
	if kernel := p.small[j.w.Type]; kernel != nil && !j.x.form.float() {
		j.smallRows(kernel, s)
		return true
	}
	if kernel := p.float[j.w.Type]; kernel != nil {
		j.floatRows(kernel, s)
		return true
	}
	if kernel := p.uneven[j.w.Type]; kernel != nil && !j.x.form.float() {
		j.unevenRows(kernel, s)
		return true
	}
	if p.few[j.w.Type] != nil && !j.x.form.float() {
		j.fewRows(p.few[j.w.Type], s)
		return true
	}
	if p.point[j.w.Type] != nil && !j.x.form.float() {
		j.pointRows(p.point[j.w.Type], s)
		return true
	}
	if unpack := unpackLevels[j.w.Type]; unpack != nil && j.x.form.values() {
		j.levelRows(unpack, &s.levels)
		return true
	}
	return false
}

// eachRows calls run for a token and a number of rows from row r on, a multiple of unit but for the last ones; all tokens
// for some rows before the next rows.
func (j *job) eachRows(unit int, run func(t, r, rows int)) {
	step := max(1, rowBytes/j.w.rowBytes/unit) * unit
	if j.x.n == 1 {
		step = j.r1 - j.r0
	}
	for r := j.r0; r < j.r1; r += step {
		for t := range j.x.n {
			run(t, r, min(step, j.r1-r))
		}
	}
}

// ordered returns the codes of all tokens in the order that kernels take them in, and how far apart tokens lie.
func (j *job) ordered(s *rowScratch) (codes []int8, stride int) {
	x, order := j.x, j.products.rows.order[j.w.Type]
	if order == nil {
		return x.codes, x.stride
	}
	s.codes = grow(s.codes, x.n*x.stride)
	for t := range x.n {
		at := t * x.stride
		order(s.codes[at:at+x.cols], x.codes[at:at+x.cols])
	}
	return s.codes, x.stride
}

// superRows multiplies blocks of 256.
func (j *job) superRows(kernel superRowKernel, s *rowScratch) {
	w, x := &j.w, j.x
	blocks := w.Cols / 256
	s.negate(x, superTypeOf(w.Type).group)
	codes, stride := j.ordered(s)
	j.eachRows(1, func(t, r, rows int) {
		kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, blocks,
			&codes[t*stride], &x.d[t*blocks], &s.sums[t*w.Cols/16])
	})
}

// What assembly reads of formats/block: the values of codes, and the scales of MXFP4.
var (
	uneven4, float4 = block.Uneven4, block.Float4
	powers          = func() (p [256]float32) {
		for e := range p {
			p[e] = block.FromE8M0Half(uint8(e))
		}
		return p
	}()
)

// rowOffset is what kernels add to the values of a type's codes, so that none is negative.
func rowOffset(t formats.Type) int {
	switch t {
	case formats.IQ4_NL:
		return 127
	case formats.MXFP4:
		return 12
	}
	return smallTypeOf(t).offset
}

// smallRows multiplies blocks of 32.
func (j *job) smallRows(kernel smallRowKernel, s *rowScratch) {
	w, x := &j.w, j.x
	blocks := w.Cols / 32
	codes, stride := j.ordered(s)
	s.pair(x, rowOffset(w.Type), j.products.rows.order[w.Type] != nil)
	j.eachRows(1, func(t, r, rows int) {
		kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, blocks,
			&codes[t*stride], &s.scales[2*t*blocks], &s.offsets[t*blocks])
	})
}

// floatRows multiplies plain numbers; the last columns, less than sixteen, are decoded one by one.
func (j *job) floatRows(kernel floatRowKernel, s *rowScratch) {
	w, x := &j.w, j.x
	whole := w.Cols &^ 15
	j.eachRows(1, func(t, r, rows int) {
		dst := j.dst[t*j.stride+r:][:rows]
		clear(dst)
		if whole > 0 {
			kernel(&dst[0], &w.Data[r*w.rowBytes], rows, w.rowBytes, whole, &x.f32[t*x.stride])
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

var rowsAVX2 = &rowProducts{
	super: map[formats.Type]superRowKernel{
		formats.Q2_K: rowQ2KAVX2, formats.Q3_K: rowQ3KAVX2, formats.Q4_K: rowQ4KAVX2, formats.Q5_K: rowQ5KAVX2, formats.Q6_K: rowQ6KAVX2,
	},
	small: map[formats.Type]smallRowKernel{
		formats.Q4_0: rowQ40AVX2, formats.Q4_1: rowQ41AVX2, formats.Q5_0: rowQ50AVX2, formats.Q5_1: rowQ51AVX2, formats.Q8_0: rowQ80AVX2,
		formats.IQ4_NL: rowIQ4NLAVX2, formats.MXFP4: rowMXFP4AVX2,
	},
	float: map[formats.Type]floatRowKernel{formats.F32: rowF32AVX2, formats.F16: rowF16AVX2, formats.BF16: rowBF16AVX2},
	point: pointProducts,
	few: map[formats.Type]*fewRows{
		formats.Q1_0: {rowQ1AVX2, 1}, formats.Q2_0: {rowQ2AVX2, 1}, formats.NVFP4: {rowNVFP4AVX2, 12},
	},
}

var rowsAVX512 = &rowProducts{
	super: map[formats.Type]superRowKernel{
		formats.Q2_K: rowQ2KAVX512, formats.Q3_K: rowQ3KAVX512, formats.Q4_K: rowQ4KAVX512, formats.Q5_K: rowQ5KAVX512, formats.Q6_K: rowQ6KAVX512,
	},
	small: map[formats.Type]smallRowKernel{
		formats.Q4_0: rowQ40AVX512, formats.Q4_1: rowQ41AVX512, formats.Q5_0: rowQ50AVX512, formats.Q5_1: rowQ51AVX512, formats.Q8_0: rowQ80AVX512,
		formats.IQ4_NL: rowIQ4NLAVX512, formats.MXFP4: rowMXFP4AVX512,
	},
	float:  map[formats.Type]floatRowKernel{formats.F32: rowF32AVX512, formats.F16: rowF16AVX512, formats.BF16: rowBF16AVX512},
	uneven: map[formats.Type]unevenRowKernel{formats.IQ4_XS: rowIQ4XSAVX512},
	point:  pointProducts,
	few: map[formats.Type]*fewRows{
		formats.Q1_0: {rowQ1AVX512, 1}, formats.Q2_0: {rowQ2AVX512, 1}, formats.NVFP4: {rowNVFP4AVX512, 12},
	},
	order: map[formats.Type]func(codes, from []int8){
		formats.Q2_K: halves, formats.Q3_K: halves,
		formats.Q4_0: fours, formats.Q4_1: fours, formats.Q5_0: fours, formats.Q5_1: fours, formats.IQ4_NL: fours, formats.MXFP4: fours,
		formats.IQ4_XS: fours,
	},
}
