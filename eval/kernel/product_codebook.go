//go:build amd64 && !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// pointRows multiplies blocks of 256 that are looked up or have three levels.
type pointRows struct {
	kernel pointRowKernel
	table  func() *byte // nil: a vector holds it
	factor float32      // of a block's scale, where scales of groups are 2s+1
}

// fewRows multiplies blocks of 64 or 128 with few levels.
type fewRows struct {
	kernel fewRowKernel
	above  int32 // added to the levels, so that none is negative
}

// pointProducts serve AVX-512 as well.
var pointProducts = map[formats.Type]*pointRows{
	formats.IQ2_XXS: {rowIQ2XXSAVX2, points8Of(formats.IQ2_XXS), 0.125},
	formats.IQ2_XS:  {rowIQ2XSAVX2, points8Of(formats.IQ2_XS), 0.125},
	formats.IQ2_S:   {rowIQ2SAVX2, points8Of(formats.IQ2_S), 0.125},
	formats.IQ3_XXS: {rowIQ3XXSAVX2, points4Of(formats.IQ3_XXS), 0.25},
	formats.IQ3_S:   {rowIQ3SAVX2, points4Of(formats.IQ3_S), 1},
	formats.IQ1_S:   {rowIQ1SAVX2, shiftedPoints, block.Shift1},
	formats.IQ1_M:   {rowIQ1MAVX2, shiftedPoints, block.Shift1},
	formats.IQ4_XS:  {rowIQ4XSAVX2, nil, 1},
	formats.TQ1_0:   {rowTQ1AVX2, nil, 1},
	formats.TQ2_0:   {rowTQ2AVX2, nil, 1},
}

// The tables of points, read when they are first needed.
func points8Of(t formats.Type) func() *byte {
	return func() *byte { return (*byte)(unsafe.Pointer(&block.Values8(t)[0])) }
}

func points4Of(t formats.Type) func() *byte {
	return func() *byte { return (*byte)(unsafe.Pointer(&block.Values4(t)[0])) }
}

func shiftedPoints() *byte { return (*byte)(unsafe.Pointer(&shifted()[0])) }

// fractions are the scales of NVFP4.
var fractions = func() (p [256]float32) {
	for e := range p {
		p[e] = block.FromUE4M3Half(uint8(e))
	}
	return p
}()

// unevenRows multiplies IQ4_XS.
func (j *job) unevenRows(kernel unevenRowKernel, s *rowScratch) {
	w, x := &j.w, j.x
	blocks := w.Cols / 256
	codes, stride := j.ordered(s)
	s.sumQuads(x, codes, stride, 128)
	j.eachRows(1, func(t, r, rows int) {
		kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, blocks,
			&codes[t*stride], &x.d[t*blocks], &s.quads[t*w.Cols/4])
	})
}

// pointRows multiplies blocks of 256 that are looked up or have three levels.
func (j *job) pointRows(p *pointRows, s *rowScratch) {
	w, x := &j.w, j.x
	blocks := w.Cols / 256
	var table *byte
	if p.table != nil {
		table = p.table()
	}
	s.multiply(x, p.factor)
	j.eachRows(1, func(t, r, rows int) {
		p.kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, blocks,
			&x.codes[t*x.stride], &s.scales[t*blocks], &x.sums16[t*w.Cols/16], table)
	})
}

// fewRows multiplies blocks of 64 or 128.
func (j *job) fewRows(p *fewRows, s *rowScratch) {
	w, x := &j.w, j.x
	s.sumQuads(x, x.codes, x.stride, p.above)
	s.repeat(x)
	j.eachRows(1, func(t, r, rows int) {
		p.kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, w.Cols/w.block,
			&x.codes[t*x.stride], &s.sixteens[t*w.Cols/64], &s.quads[t*w.Cols/4])
	})
}
