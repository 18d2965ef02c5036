//go:build !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// latticeRows multiplies blocks of 256 whose codes are looked up in a table.
type latticeRows struct {
	kernel latticeRowKernel
	table  func() *byte // nil: a vector holds it
	factor float32      // of a block's scale, where scales of groups are 2s+1
}

// pointRows is latticeRows with sums of sixteen activation codes.
type pointRows struct {
	kernel pointRowKernel
	table  func() *byte
	factor float32
}

// fewRows multiplies blocks of 64 or 128 with few levels.
type fewRows struct {
	kernel fewRowKernel
	above  int32 // added to the levels, so that none is negative
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

// latticeRows multiplies blocks of 256 that are looked up.
func (j *job) latticeRows(p *latticeRows, s *rowScratch) {
	w, x := &j.w, j.x
	blocks := w.Cols / 256
	var table *byte
	if p.table != nil {
		table = p.table()
	}
	codes, stride := j.ordered(s)
	s.sumQuads(x, codes, stride, 128)
	s.multiply(x, p.factor)
	j.eachRows(1, func(t, r, rows int) {
		p.kernel(&j.dst[t*j.stride+r], &w.Data[r*w.rowBytes], rows, blocks,
			&codes[t*stride], &s.scales[t*blocks], &s.quads[t*w.Cols/4], table)
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
