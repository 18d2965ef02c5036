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
	return ok && s.weaves != nil && s.weaves(w.Type) && !w.Strips && w.Rows >= lanes
}

// WovenBytes is the size of the matrix when woven; 0 where it cannot be.
func (w Matrix) WovenBytes() int {
	s, ok := w.strips()
	if !ok {
		return 0
	}
	return s.rows(w.Rows)
}

// strips returns the sizes of the matrix in strips, which not all types have.
func (w *Matrix) strips() (strips, bool) {
	info, ok := w.Type.Info()
	st := stripTypeOf(w.Type)
	if !ok || st == nil {
		return strips{}, false
	}
	s := st.of(w, &info)
	return s, s.blocks > 0 && w.Cols%s.cols == 0
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
	size, t := s.row, loom{}
	for ; r0 < min(r1, s.whole); r0 += lanes {
		strip, rows := dst[s.rows(r0):][:s.bytes()], w.Data[r0*size:][:lanes*size]
		if s.plain {
			s.weavePlain(strip, rows)
		} else {
			s.weave(strip, rows, w.Type, &t)
		}
	}
	if r0 < r1 { // what fills no strip
		copy(dst[s.rows(r0):], w.Data[r0*size:r1*size])
	}
	return nil
}

// loom is memory for weaving.
type loom struct {
	codes  [256]uint8
	scales superScales
	words  [lanes][64]uint32 // of a block of each row
	levels levels
}

// weave puts sixteen rows into a strip.
func (s *strips) weave(strip, rows []byte, t formats.Type, l *loom) {
	super, small := superTypeOf(t), smallTypeOf(t)
	size := s.row / s.blocks
	for b := range s.blocks {
		for lane := range lanes {
			stored := rows[lane*s.row+b*size:][:size]
			words := &l.words[lane]
			d := strip[s.half(b, lane):]
			switch {
			case super != nil:
				super.unpack(&l.codes, &l.scales, stored)
				fields := (*[4]uint32)(words[:])
				*fields = [4]uint32{}
				s.fields(fields, &l.scales)
			case small != nil:
				small.unpack((*[32]uint8)(l.codes[:]), stored)
			default:
				binary.LittleEndian.PutUint16(d, s.level.take(l, words[:], stored))
			}
			if s.level == nil {
				copy(d[:2], stored[s.d:])
			}
			if s.min {
				copy(d[2*lanes:2*lanes+2], stored[s.d+2:])
			}
			s.joinAll(words[s.scales:], &l.codes)
		}
		body := strip[s.word(b, 0, 0):][:s.body]
		for i := 0; 4*lanes*i < len(body); i++ {
			vector := (*[4 * lanes]byte)(body[4*lanes*i:])
			for lane := range l.words {
				binary.LittleEndian.PutUint32(vector[4*lane:], l.words[lane][i])
			}
		}
	}
}

// joinAll makes the words of all sets of a block.
func (s *strips) joinAll(to []uint32, codes *[256]uint8) {
	words, n := setOf(s.bits)
	var q [8]uint32
	var w [5]uint32
	for at := 0; at < len(s.quads); at += n {
		for p, quad := range s.quads[at : at+n] {
			q[p] = binary.LittleEndian.Uint32(codes[4*(quad&63):])
		}
		join(s.bits, &w, &q)
		to = to[copy(to, w[:words]):]
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
	words, n := setOf(s.bits)
	var q [8]uint32
	var w [5]uint32
	for set := range len(s.quads) / n {
		for i := range words {
			w[i] = get32(strip, s.word(b, s.scales+set*words+i, lane))
		}
		split(s.bits, &q, &w)
		for p, quad := range s.quads[set*n : set*n+n] {
			put32(codes, 4*int(quad), q[p])
		}
	}
	return d, m
}
