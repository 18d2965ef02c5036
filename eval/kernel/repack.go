package kernel

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/block"
)

// WantsRepacked says whether the Set multiplies a matrix of this type and shape with few tokens faster when it is
// repacked: see Repack.
func (set *Set) WantsRepacked(w Matrix) bool {
	_, ok := w.repackShape()
	return ok && !w.Repacked && w.Rows >= lanes && set.funcs(w.Type).repacked != nil
}

// RepackedBytes is the size of the matrix when repacked, in bytes; 0 if it cannot be.
func (w Matrix) RepackedBytes() int {
	s, ok := w.repackShape()
	if !ok {
		return 0
	}
	return s.rows(w.Rows)
}

// Repack interleaves rows r0 to r1-1 of w, sixteen by sixteen, in dst, which has w.RepackedBytes bytes. When all rows
// are done, Matrix{w.Type, w.Rows, w.Cols, dst, true} equals w. r0 and r1 are multiples of sixteen; r1 may be the
// number of rows. Calls for different rows may run at the same time.
func (set *Set) Repack(dst []byte, w Matrix, r0, r1 int) error {
	s, ok := w.repackShape()
	switch {
	case !ok || w.Repacked:
		return fmt.Errorf("repack a %d x %d %s matrix: %w", w.Rows, w.Cols, w.Type, formats.ErrUnsupported)
	case len(w.Data) < s.row*w.Rows || len(dst) < s.rows(w.Rows):
		return fmt.Errorf("repack a %d x %d %s matrix: %w: %d bytes into %d", w.Rows, w.Cols, w.Type,
			formats.ErrCorrupt, len(w.Data), len(dst))
	case r0 < 0 || r1 < r0 || r1 > w.Rows || r0%lanes != 0 || r1%lanes != 0 && r1 != w.Rows:
		return fmt.Errorf("repack rows %d to %d of %d: out of range", r0, r1, w.Rows)
	}
	scratch := &repackScratch{signed: signedCodes{codeFuncs: set.codeFuncs}}
	for ; r0 < min(r1, s.whole); r0 += lanes {
		rows16, rows := dst[s.rows(r0):][:s.bytes()], w.Data[r0*s.row:][:lanes*s.row]
		if s.plain {
			set.repackPlain(&s, rows16, rows)
		} else {
			set.repack(&s, w.Type, rows16, rows, scratch)
		}
	}
	if r0 < r1 { // less than sixteen
		copy(dst[s.rows(r0):], w.Data[r0*s.row:r1*s.row])
	}
	return nil
}

// repackScratch is memory for a block of each of sixteen rows.
type repackScratch struct {
	codes      [lanes][256]uint8
	scaleWords [lanes][4]uint32
	kquant     kquantScales
	signed     signedCodes
	tile       []byte // for sets that make tiles on the way
}

// repack interleaves sixteen rows.
func (set *Set) repack(s *repackShape, t formats.Type, rows16, rows []byte, scratch *repackScratch) {
	for b := range s.blocks {
		for lane := range lanes {
			s.take(scratch, lane, rows16[s.half(b, lane):], rows[lane*s.row:][:s.row], b)
		}
		for i := range s.scaleWords {
			to := rows16[s.word(b, i, 0):]
			for lane := range lanes {
				put32(to, 4*lane, scratch.scaleWords[lane][i])
			}
		}
		set.packBits(s, t, rows16[s.word(b, s.scaleWords, 0):][:s.body-4*lanes*s.scaleWords], scratch)
	}
}

// take unpacks block b of a row to the scratch, and writes its d and m where they belong.
func (s *repackShape) take(scratch *repackScratch, lane int, d, row []byte, b int) {
	size := len(row) / s.blocks
	stored, codes := row[b*size:][:size], &scratch.codes[lane]
	scratch.scaleWords[lane] = [4]uint32{}
	switch {
	case s.signed != nil:
		s.takeSigned(scratch, lane, stored)
	case s.kquant != nil:
		s.kquant(codes, &scratch.kquant, stored)
		s.putScales(&scratch.scaleWords[lane], &scratch.kquant)
	default:
		s.legacy((*[32]uint8)(codes[:]), stored)
	}
	if s.power {
		d[0] = stored[0]
		return
	}
	copy(d[:2], stored[s.d:])
	if s.min {
		copy(d[2*lanes:2*lanes+2], stored[s.d+2:])
	}
}

// packBits makes the words of all code groups of a block from the scratch's codes.
func (set *Set) packBits(s *repackShape, t formats.Type, to []byte, scratch *repackScratch) {
	if set.transpose16 == nil {
		s.packBits(to, scratch)
		return
	}
	tile := alignedBytes(&scratch.tile, 256*lanes)
	set.transpose16(&tile[0], 512, &scratch.codes[0][0], len(scratch.codes[0]), (s.cols+63)/64, 0)
	if pack := set.funcs(t).packBits; pack != nil {
		pack(&to[0], &tile[0])
		return
	}
	copy(to, tile[:len(to)]) // of Q8_0 the words are the code4s
}

func (s *repackShape) packBits(to []byte, scratch *repackScratch) {
	words, n := s.Words, len(s.Shifts)
	var q [8]uint32
	var w [5]uint32
	for at := 0; at < len(s.code4s); at += n {
		for lane := range lanes {
			codes := &scratch.codes[lane]
			for slot, i := range s.code4s[at : at+n] {
				q[slot] = binary.LittleEndian.Uint32(codes[4*(i&63):])
			}
			packBits(s.bits, &w, &q)
			for i, v := range w[:words] {
				put32(to, 4*(lanes*i+lane), v)
			}
		}
		to = to[4*lanes*words:]
	}
}

// unpackRepacked takes block b of a row from sixteen interleaved ones: its unsigned codes and, of a k-quant, its
// scales; of other types d and m.
func (s *repackShape) unpackRepacked(codes []uint8, scales *kquantScales, rows16 []byte, b, lane int) (d, m float32) {
	return s.unpackBlock(codes, scales, rows16[s.half(b, 0):], rows16[s.word(b, 0, 0):], lane)
}

// unpackBlock is unpackRepacked of the block whose d of the first row head begins with.
func (l *repackLayout) unpackBlock(codes []uint8, scales *kquantScales, head, body []byte, lane int) (d, m float32) {
	if l.power {
		d = block.FromE8M0Half(head[lane])
	} else {
		d = half(head, 2*lane)
	}
	if l.min {
		m = half(head, 2*(lanes+lane))
	}
	if l.kquant != nil {
		var words [4]uint32
		for i := range l.scaleWords {
			words[i] = get32(body, 4*(lanes*i+lane))
		}
		l.scales(scales, &words)
		scales.d, scales.dmin = d, m
	}
	words, n := l.Words, len(l.Shifts)
	var q [8]uint32
	var w [5]uint32
	for group := range len(l.code4s) / n {
		for i := range words {
			w[i] = get32(body, 4*(lanes*(l.scaleWords+group*words+i)+lane))
		}
		unpackBits(l.bits, &q, &w)
		for slot, i := range l.code4s[group*n : group*n+n] {
			put32(codes, 4*int(i), q[slot])
		}
	}
	return d, m
}
