package encode

import "encoding/binary"

// Types with blocks of 32 values, as scales and levels. Of the affine ones dmin is minus the smallest value.

func unpackNibbles(q *[32]uint8, b []byte) {
	for i, v := range (*[16]byte)(b) {
		q[i], q[i+16] = v&15, v>>4
	}
}

func unpackFifth(q *[32]uint8, b []byte) {
	bits := binary.LittleEndian.Uint32(b)
	for i := range q {
		q[i] |= uint8(bits>>i&1) << 4
	}
}

func readQ4_0(x *Levels, b []byte, i int) {
	x.D[i], x.S[i] = getHalf(b), 1
	unpackNibbles(x.of32(i), b[2:])
}

func writeQ4_0(b []byte, x *Levels, i int) { packQ4_0(b, x.D[i], 0, x.of32(i)) }

func readQ4_1(x *Levels, b []byte, i int) {
	x.D[i], x.DMin[i], x.S[i], x.T[i] = getHalf(b), -getHalf(b[2:]), 1, 1
	unpackNibbles(x.of32(i), b[4:])
}

func writeQ4_1(b []byte, x *Levels, i int) { packQ4_1(b, x.D[i], -x.DMin[i], x.of32(i)) }

func readQ5_0(x *Levels, b []byte, i int) {
	x.D[i], x.S[i] = getHalf(b), 1
	unpackNibbles(x.of32(i), b[6:])
	unpackFifth(x.of32(i), b[2:])
}

func writeQ5_0(b []byte, x *Levels, i int) { packQ5_0(b, x.D[i], 0, x.of32(i)) }

func readQ5_1(x *Levels, b []byte, i int) {
	x.D[i], x.DMin[i], x.S[i], x.T[i] = getHalf(b), -getHalf(b[2:]), 1, 1
	unpackNibbles(x.of32(i), b[8:])
	unpackFifth(x.of32(i), b[4:])
}

func writeQ5_1(b []byte, x *Levels, i int) { packQ5_1(b, x.D[i], -x.DMin[i], x.of32(i)) }

func readQ8_0(x *Levels, b []byte, i int) {
	x.D[i], x.S[i] = getHalf(b), 1
	q := x.of32(i)
	for k := range q {
		q[k] = uint8(max(0, int32(int8(b[2+k]))+127))
	}
}

func writeQ8_0(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for k, q := range x.of32(i) {
		b[2+k] = byte(int32(q) - 127)
	}
}
