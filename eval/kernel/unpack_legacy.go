package kernel

import "encoding/binary"

// Blocks of 32 (layouts: formats/block). Codes 0-15 lie in the low halves of 16 bytes, codes 16-31 in the high ones.

func unpackQ4_0(codes *[32]uint8, b []byte) (d, m float32) {
	unpackNibbles(codes, b[2:18])
	return half(b, 0), 0
}

func unpackQ4_1(codes *[32]uint8, b []byte) (d, m float32) {
	unpackNibbles(codes, b[4:20])
	return half(b, 0), half(b, 2)
}

func unpackQ5_0(codes *[32]uint8, b []byte) (d, m float32) {
	unpackNibbles(codes, b[6:22])
	addFifthBits(codes, binary.LittleEndian.Uint32(b[2:]))
	return half(b, 0), 0
}

func unpackQ5_1(codes *[32]uint8, b []byte) (d, m float32) {
	unpackNibbles(codes, b[8:24])
	addFifthBits(codes, binary.LittleEndian.Uint32(b[4:]))
	return half(b, 0), half(b, 2)
}

// unpackQ8_0 turns signed bytes into unsigned ones by adding 128: the sign bit is inverted.
func unpackQ8_0(codes *[32]uint8, b []byte) (d, m float32) {
	q := b[2:34]
	for i := 0; i < 32; i += 8 {
		store8(codes[:], i, load8(q, i)^bit7)
	}
	return half(b, 0), 0
}

func unpackNibbles(codes *[32]uint8, q []byte) {
	for i := 0; i < 16; i += 8 {
		v := load8(q, i)
		store8(codes[:], i, v&bits3)
		store8(codes[:], i+16, v>>4&bits3)
	}
}

// addFifthBits adds 16 to code j where bit j of high is set. One byte of high is copied to eight bytes, each keeps
// its own bit, and adding 127 carries that bit to the byte's top, whatever its place.
func addFifthBits(codes *[32]uint8, high uint32) {
	for i := 0; i < 32; i += 8 {
		v := uint64(high>>i&0xff) * bits0 & 0x8040201008040201
		v = (v + 0x7f7f7f7f7f7f7f7f) & bit7
		store8(codes[:], i, load8(codes[:], i)|v>>3)
	}
}
