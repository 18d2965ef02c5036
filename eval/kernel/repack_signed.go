package kernel

import (
	"encoding/binary"
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Repacked signed codes: codes that stand for values, which may take more bits than the type stores, and scales as
// signed bytes, four in a word; without scale words they are 1:
//
//	value = d * factor * scale * values[code]
//
// IQ1_S and IQ1_M are not repacked: they would take twice the bytes.

// completeValues fills the tables of values. The values of a codebook are all that its entries have.
func (l *repackLayout) completeValues(t formats.Type) {
	switch {
	case block.Values4(t) != nil:
		l.values = signedValues(block.Values4(t))
	case block.Values8(t) != nil:
		l.values = signedValues(block.Values8(t))
	}
	for c, v := range l.values {
		l.codes[uint8(v)] = uint8(c)
		for i := c; i < len(l.table); i += 16 {
			l.table[i] = uint8(int(v) + l.offset)
		}
	}
}

// signedValues lists all values of the entries of a codebook, with either sign.
func signedValues[E interface{ [4]int8 | [8]int8 }](entries []E) (list []int8) {
	var found [256]bool
	for _, e := range entries {
		for i := range len(e) {
			found[128+int(e[i])], found[128-int(e[i])] = true, true
		}
	}
	for v := math.MinInt8; v <= math.MaxInt8; v++ {
		if found[128+v] {
			list = append(list, int8(v))
		}
	}
	return list
}

// takeSigned unpacks a stored block to a row of the scratch.
func (l *repackLayout) takeSigned(s *repackScratch, lane int, stored []byte) {
	s.signed.codes, s.signed.scales = grow(s.signed.codes, l.cols), grow(s.signed.scales, 16)
	l.signed(&s.signed, stored)
	codes := &s.codes[lane]
	for i, v := range s.signed.codes {
		codes[i] = l.codes[uint8(v)]
	}
	if l.scaleBytes != nil {
		var scales [16]int8
		l.scaleBytes(&scales, stored)
		for i, v := range scales[:4*l.scaleWords] {
			s.scaleWords[lane][i/4] |= uint32(uint8(v)) << (8 * (i % 4))
		}
	}
}

// unpackSigned unpacks block b of a row.
func (s *repackShape) unpackSigned(to *signedCodes, rows16 []byte, b, lane int) {
	var codes [256]uint8
	d, _ := s.unpackRepacked(codes[:], nil, rows16, b, lane)
	for i, c := range codes[:s.cols] {
		to.codes[b*s.cols+i] = s.values[c]
	}
	scales := to.scales[b*s.cols/16:][:s.cols/16]
	for i := range scales {
		scales[i] = d * s.factor
		if s.scaleBytes != nil {
			g := 16 * i / s.group
			scales[i] *= float32(int8(get32(rows16, s.word(b, g/4, lane)) >> (8 * (g % 4))))
		}
	}
}

func scalesIQ4_XS(to *[16]int8, b []byte) {
	high := binary.LittleEndian.Uint16(b[2:])
	for j := range 8 {
		to[j] = int8(b[4+j/2]>>(j%2*4)&15|uint8(high>>(2*j)&3)<<4) - 32
	}
}

// oddNibbles takes n scales 2s+1 from the halves s of bytes.
func oddNibbles(at, n int) func(to *[16]int8, b []byte) {
	return func(to *[16]int8, b []byte) {
		for j := range n {
			to[j] = int8(2*(b[at+j/2]>>(j%2*4)&15) + 1)
		}
	}
}

// oddHighNibbles takes eight scales 2s+1 from the upper halves s of bytes, step bytes apart.
func oddHighNibbles(at, step int) func(to *[16]int8, b []byte) {
	return func(to *[16]int8, b []byte) {
		for j := range 8 {
			to[j] = int8(2*(b[at+step*j]>>4) + 1)
		}
	}
}
