package kernel

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/block"
)

// WantsRepacked says whether the Set multiplies few tokens faster with a matrix of this type and shape when its rows lie in strips:
// see Repack.
func (s *Set) WantsRepacked(w Matrix) bool {
	_, ok := w.strips()
	return ok && s.weaves != nil && s.weaves(w.Type) && !w.Repacked && w.Rows >= lanes
}

// RepackedBytes is the size of the matrix when woven; 0 where it cannot be.
func (w Matrix) RepackedBytes() int {
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

// Repack writes rows r0 to r1-1 of w, as a file stores them, to their place in a woven matrix that has its RepackedBytes at
// dst: Matrix{Type, Rows, Cols, dst, Repacked: true}. r0 and r1 are multiples of sixteen, or r1 the number of rows; calls
// for different rows may run at the same time.
func (set *Set) Repack(dst []byte, w Matrix, r0, r1 int) error {
	s, ok := w.strips()
	switch {
	case !ok || w.Repacked:
		return fmt.Errorf("weave a %d x %d %s matrix: %w", w.Rows, w.Cols, w.Type, formats.ErrUnsupported)
	case len(w.Data) < s.row*w.Rows || len(dst) < s.rows(w.Rows):
		return fmt.Errorf("weave a %d x %d %s matrix: %w: it has %d bytes, and %d to go to", w.Rows, w.Cols, w.Type,
			formats.ErrCorrupt, len(w.Data), len(dst))
	case r0 < 0 || r1 < r0 || r1 > w.Rows || r0%lanes != 0 || r1%lanes != 0 && r1 != w.Rows:
		return fmt.Errorf("weave rows %d to %d of %d: out of range", r0, r1, w.Rows)
	}
	size, l := s.row, new(loom)
	for ; r0 < min(r1, s.whole); r0 += lanes {
		strip, rows := dst[s.rows(r0):][:s.bytes()], w.Data[r0*size:][:lanes*size]
		if s.plain {
			set.weavePlain(&s, strip, rows)
		} else {
			s.weave(set, strip, rows, w.Type, l)
		}
	}
	if r0 < r1 { // what fills no strip
		copy(dst[s.rows(r0):], w.Data[r0*size:r1*size])
	}
	return nil
}

// loom is memory for weaving, of a block of sixteen rows.
type loom struct {
	codes  [lanes][256]uint8
	fields [lanes][4]uint32 // scales, as they lie in strips
	scales superScales
	levels levels
	tile   []byte // for sets that make tiles on the way
}

// weave puts sixteen rows into a strip.
func (s *strips) weave(set *Set, strip, rows []byte, t formats.Type, l *loom) {
	for b := range s.blocks {
		for lane := range lanes {
			s.take(l, lane, t, strip[s.half(b, lane):], rows[lane*s.row:][:s.row], b)
		}
		for i := range s.scales {
			to := strip[s.word(b, i, 0):]
			for lane := range lanes {
				put32(to, 4*lane, l.fields[lane][i])
			}
		}
		set.join(t, s, strip[s.word(b, s.scales, 0):][:s.body-4*lanes*s.scales], l)
	}
}

// take unpacks block b of a row to its place in the loom, and its d, and m, to the strip.
func (s *strips) take(l *loom, lane int, t formats.Type, d, row []byte, b int) {
	size := len(row) / s.blocks
	stored, codes := row[b*size:][:size], &l.codes[lane]
	l.fields[lane] = [4]uint32{}
	if s.level != nil {
		if v := s.level.take(l, lane, stored); s.level.power {
			d[0] = byte(v)
		} else {
			binary.LittleEndian.PutUint16(d, v)
		}
		return
	}
	if super := superTypeOf(t); super != nil {
		super.unpack(codes, &l.scales, stored)
		s.fields(&l.fields[lane], &l.scales)
	} else {
		smallTypeOf(t).unpack((*[32]uint8)(codes[:]), stored)
	}
	copy(d[:2], stored[s.d:])
	if s.min {
		copy(d[2*lanes:2*lanes+2], stored[s.d+2:])
	}
}

// joinGeneric makes the words of all sets of a block from the loom's codes.
func joinGeneric(_ formats.Type, s *strips, to []byte, l *loom) {
	words, n := setOf(s.bits)
	var q [8]uint32
	var w [5]uint32
	for at := 0; at < len(s.quads); at += n {
		for lane := range lanes {
			codes := &l.codes[lane]
			for p, quad := range s.quads[at : at+n] {
				q[p] = binary.LittleEndian.Uint32(codes[4*(quad&63):])
			}
			join(s.bits, &w, &q)
			for i, v := range w[:words] {
				put32(to, 4*(lanes*i+lane), v)
			}
		}
		to = to[4*lanes*words:]
	}
}

// unweave takes block b of a lane from a strip: its unsigned codes and, of a block of 256, its scales; of a block of 32 d
// and m.
func (s *strips) unweave(codes []uint8, scales *superScales, strip []byte, b, lane int) (d, m float32) {
	at := s.half(b, lane)
	if s.power() {
		d = block.FromE8M0Half(strip[at])
	} else {
		d = half(strip, at)
	}
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
