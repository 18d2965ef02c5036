package kernel

import (
	"math"
	"slices"
)

// levelStrip is what strips keep of a type of few levels: codes that stand for values, which may take
// more bits than the type stores, and scales as signed bytes, four in a word:
//
//	value = d * factor * scale * values[code]
type levelStrip struct {
	values []int8 // of the codes
	factor float32
	groups int // scales of a block: 8, 16, or none, which is one everywhere
	unpack func(l *levels, row []byte)
	d      func(b []byte) uint16
	scales func(to *[16]int8, b []byte)
	power  bool       // d is an exponent, E8M0
	codes  [256]uint8 // of values as bytes
	table  [64]uint8  // of codes, four times: values less the least one
}

// above is what makes the values not negative.
func (t *levelStrip) above() int { return -int(slices.Min(t.values)) }

// decode sets the values of block b of a lane.
func (s *strips) decode(dst []float32, strip []byte, b, lane int) {
	if s.plain {
		s.decodePlain(dst, strip, b, lane)
		return
	}
	var codes [256]uint8
	t := s.level
	d, _ := s.unweave(codes[:], nil, strip, b, lane)
	for i, c := range codes[:len(dst)] {
		scale := d * t.factor
		if t.groups > 0 {
			g := i * t.groups / 256
			scale *= float32(int8(get32(strip, s.word(b, g/4, lane)) >> (8 * (g % 4))))
		}
		dst[i] = scale * float32(t.values[c])
	}
}

// take unpacks a stored block to a lane of the loom and returns its d.
func (t *levelStrip) take(l *loom, lane int, stored []byte) (d uint16) {
	l.levels.codes, l.levels.scales = grow(l.levels.codes, len(l.codes[lane])), grow(l.levels.scales, 16)
	t.unpack(&l.levels, stored)
	codes := &l.codes[lane]
	for i, v := range l.levels.codes {
		codes[i] = t.codes[uint8(v)]
	}
	if t.groups > 0 {
		var scales [16]int8
		t.scales(&scales, stored)
		for i, v := range scales[:t.groups] {
			l.fields[lane][i/4] |= uint32(uint8(v)) << (8 * (i % 4))
		}
	}
	return t.d(stored)
}

// newLevelStrip makes a type of n bits from its values.
func newLevelStrip(bits, block int, t levelStrip) *stripType {
	for c, v := range t.values {
		t.codes[uint8(v)] = uint8(c)
		for i := c; i < len(t.table); i += 16 {
			t.table[i] = uint8(int(v) + t.above())
		}
	}
	_, n := setOf(bits)
	quads := inGroups(n)
	if block == 32 {
		quads = places(8/n, n, inFours)
	}
	return &stripType{bits: bits, scales: t.groups / 4, level: &t, quads: quads}
}

// signedLevels are all values that the points have, of either sign.
func signedLevels[P interface{ [4]int8 | [8]int8 }](points []P) (list []int8) {
	var found [256]bool
	for _, p := range points {
		for i := range len(p) {
			found[128+int(p[i])], found[128-int(p[i])] = true, true
		}
	}
	for v := math.MinInt8; v <= math.MaxInt8; v++ {
		if found[128+v] {
			list = append(list, int8(v))
		}
	}
	return list
}
