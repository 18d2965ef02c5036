package encode

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// Types with super-blocks of 256 values, as scales and levels.

// unpack2 is the inverse of pack2.
func unpack2(q *[256]uint8, b []byte) {
	for i := range q {
		q[i] = b[i/128*32+i%32] >> (i / 32 % 4 * 2) & 3
	}
}

// unpack4 is the inverse of pack4.
func unpack4(q *[256]uint8, b []byte) {
	for i := range q {
		q[i] = b[i/64*32+i%32] >> (i / 32 % 2 * 4) & 15
	}
}

// unpackBit is the inverse of packBit.
func unpackBit(q *[256]uint8, b []byte, bit uint) {
	for i := range q {
		q[i] |= b[i%32] >> (i / 32) & 1 << bit
	}
}

func readQ2_K(x *Levels, b []byte, i int) {
	x.D[i], x.DMin[i] = getHalf(b[80:]), getHalf(b[82:])
	s, t := x.s16(i), x.T[16*i:][:16]
	for j := range s {
		s[j], t[j] = int32(b[j]&15), int32(b[j]>>4)
	}
	unpack2(x.of256(i), b[16:])
}

func writeQ2_K(b []byte, x *Levels, i int) {
	putHalf(b[80:], x.D[i])
	putHalf(b[82:], x.DMin[i])
	for j, s := range x.s16(i) {
		b[j] = uint8(s) | uint8(x.T[16*i+j])<<4
	}
	packQ2_K(b, x.of256(i))
}

func readQ3_K(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b[108:])
	for j, s := range block.Scales3((*[12]byte)(b[96:])) {
		x.S[16*i+j] = int32(s)
	}
	unpack2(x.of256(i), b[32:])
	unpackBit(x.of256(i), b, 2)
}

func writeQ3_K(b []byte, x *Levels, i int) {
	var s [16]uint8
	for j, v := range x.s16(i) {
		s[j] = uint8(v + 32)
	}
	putHalf(b[108:], x.D[i])
	packScales3((*[12]byte)(b[96:]), &s)
	packQ3_K((*[110]byte)(b), x.of256(i))
}

func (x *Levels) readScalesMins(b []byte, i int) {
	x.D[i], x.DMin[i] = getHalf(b), getHalf(b[2:])
	s, t := block.ScalesMins((*[12]byte)(b[4:]))
	for j := range s {
		x.S[8*i+j], x.T[8*i+j] = int32(s[j]), int32(t[j])
	}
}

func (x *Levels) writeScalesMins(b []byte, i int) {
	var s, t [8]uint8
	for j := range s {
		s[j], t[j] = uint8(x.s8(i)[j]), uint8(x.t8(i)[j])
	}
	putHalf(b, x.D[i])
	putHalf(b[2:], x.DMin[i])
	packScalesMins((*[12]byte)(b[4:]), &s, &t)
}

func readQ4_K(x *Levels, b []byte, i int) {
	x.readScalesMins(b, i)
	unpack4(x.of256(i), b[16:])
}

func writeQ4_K(b []byte, x *Levels, i int) {
	x.writeScalesMins(b, i)
	packQ4_K(b, x.of256(i))
}

func readQ5_K(x *Levels, b []byte, i int) {
	x.readScalesMins(b, i)
	unpack4(x.of256(i), b[48:])
	unpackBit(x.of256(i), b[16:], 4)
}

func writeQ5_K(b []byte, x *Levels, i int) {
	x.writeScalesMins(b, i)
	packQ5_K(b, x.of256(i))
}

func readQ6_K(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b[208:])
	for j := range 16 {
		x.S[16*i+j] = int32(int8(b[192+j]))
	}
	q := x.of256(i)
	for k := range q {
		h, at := k/128, k%32
		low := b[64*h+k/32%2*32+at] >> (k / 64 % 2 * 4) & 15
		high := b[128+32*h+at] >> (k / 32 % 4 * 2) & 3
		q[k] = low | high<<4
	}
}

func writeQ6_K(b []byte, x *Levels, i int) {
	putHalf(b[208:], x.D[i])
	for j, s := range x.s16(i) {
		b[192+j] = byte(s)
	}
	packQ6_K((*[210]byte)(b), x.of256(i))
}

func readIQ4_XS(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	high := binary.LittleEndian.Uint16(b[2:])
	for j := range 8 {
		x.S[8*i+j] = int32(b[4+j/2]>>(j%2*4)&15) | int32(high>>(2*j)&3)<<4 - 32
		unpackNibbles(x.of32(8*i+j), b[8+16*j:])
	}
}

func writeIQ4_XS(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	var high uint16
	for j, s := range x.s8(i) {
		u := uint8(s + 32)
		b[4+j/2] |= u & 15 << (j % 2 * 4)
		high |= uint16(u>>4) << (2 * j)
		packNibbles(b[8+16*j:], x.of32(8*i+j))
	}
	binary.LittleEndian.PutUint16(b[2:], high)
}
