package kernel

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
)

// Woven says whether the Set multiplies few tokens faster with a matrix of this type and shape when its rows lie in strips:
// see Weave.
func (s *Set) Woven(w Matrix) bool {
	_, ok := w.strips()
	return ok && s.weaves && !w.Strips && w.Rows >= lanes
}

// WovenBytes is the size of the matrix when woven, where its type can be.
func (w Matrix) WovenBytes() int {
	s, _ := w.strips()
	return s.rows(w.Rows)
}

// strips returns the sizes of the matrix in strips, which not all types have.
func (w *Matrix) strips() (strips, bool) {
	st, block := stripTypes[w.Type], w.Type.BlockLen()
	if st == nil || w.Cols <= 0 || w.Cols%block != 0 {
		return strips{}, false
	}
	return st.of(w, block), true
}

// Weave writes rows r0 to r1-1 of w, as a file stores them, to their place in a woven matrix that has its WovenBytes at
// dst: Matrix{Type, Rows, Cols, dst, Strips: true}. r0 and r1 are multiples of sixteen, or r1 the number of rows; calls
// for different rows may run at the same time.
func Weave(dst []byte, w Matrix, r0, r1 int) error {
	s, ok := w.strips()
	switch {
	case !ok || w.Strips:
		return fmt.Errorf("weave a %d x %d %s matrix: %w", w.Rows, w.Cols, w.Type, formats.ErrUnsupported)
	case len(w.Data) < s.row*w.Rows || len(dst) < s.rows(w.Rows):
		return fmt.Errorf("weave a %d x %d %s matrix: %w: it has %d bytes, and %d to go to", w.Rows, w.Cols, w.Type,
			formats.ErrCorrupt, len(w.Data), len(dst))
	case r0 < 0 || r1 < r0 || r1 > w.Rows || r0%lanes != 0 || r1%lanes != 0 && r1 != w.Rows:
		return fmt.Errorf("weave rows %d to %d of %d: out of range", r0, r1, w.Rows)
	}
	size := s.row
	for ; r0 < min(r1, s.whole); r0 += lanes {
		strip := dst[s.rows(r0):][:s.bytes()]
		for lane := range lanes {
			s.weave(strip, w.Data[(r0+lane)*size:][:size], w.Type, lane)
		}
	}
	if r0 < r1 { // what fills no strip
		copy(dst[s.rows(r0):], w.Data[r0*size:r1*size])
	}
	return nil
}

// weave puts a row into its lane of a strip.
func (s *strips) weave(strip, row []byte, t formats.Type, lane int) {
	var codes [256]uint8
	var scales superScales
	var fields [4]uint32
	super, small := superTypeOf(t), smallTypeOf(t)
	size := len(row) / s.blocks
	words, places := setOf(s.bits)
	for b := range s.blocks {
		stored := row[b*size:][:size]
		if super != nil {
			super.unpack(&codes, &scales, stored)
			fields = [4]uint32{}
			s.fields(&fields, &scales)
		} else {
			small.unpack((*[32]uint8)(codes[:]), stored)
		}
		d := strip[s.half(b, lane):]
		copy(d[:2], stored[s.d:])
		if s.min {
			copy(d[2*lanes:2*lanes+2], stored[s.d+2:])
		}
		for i, v := range fields[:s.scales] {
			put32(strip, s.word(b, i, lane), v)
		}
		at := s.word(b, s.scales, lane)
		for set := range s.cols / 4 / places {
			var q [8]uint32
			var w [5]uint32
			for p := range places {
				q[p] = binary.LittleEndian.Uint32(codes[4*s.quad(set, p):])
			}
			join(s.bits, &w, &q)
			for _, v := range w[:words] {
				put32(strip, at, v)
				at += 4 * lanes
			}
		}
	}
}

// unweave takes block b of a lane from a strip: its unsigned codes and, of a block of 256, its scales; of a block of 32 d
// and m.
func (s *strips) unweave(codes []uint8, scales *superScales, strip []byte, b, lane int) (d, m float32) {
	at := s.half(b, lane)
	d = half(strip, at)
	if s.min {
		m = half(strip, at+2*lanes)
	}
	if s.fields != nil {
		var fields [4]uint32
		for i := range s.scales {
			fields[i] = get32(strip, s.word(b, i, lane))
		}
		s.values(scales, &fields)
		scales.d, scales.dmin = d, m
	}
	words, places := setOf(s.bits)
	for set := range s.cols / 4 / places {
		var q [8]uint32
		var w [5]uint32
		for i := range words {
			w[i] = get32(strip, s.word(b, s.scales+set*words+i, lane))
		}
		split(s.bits, &q, &w)
		for p := range places {
			put32(codes, 4*s.quad(set, p), q[p])
		}
	}
	return d, m
}
