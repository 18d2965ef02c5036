package encode

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// Types with codebooks, as scales, entries and signs.

func (x *Levels) entries(i, n int) []int32 { return x.Entries[n*i:][:n] }
func (x *Levels) signs(i int) []uint8      { return x.Signs[32*i:][:32] }

// readNibbleScales reads sixteen scales, or eight, of four bits.
func (x *Levels) readNibbleScales(b []byte, i, n int) {
	for j := range n {
		x.S[n*i+j] = int32(b[j/2] >> (j % 2 * 4) & 15)
	}
}

func (x *Levels) writeNibbleScales(b []byte, i, n int) {
	for j, s := range x.S[n*i:][:n] {
		b[j/2] |= uint8(s) << (j % 2 * 4)
	}
}

func readIQ2_XXS(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	for j := range 8 {
		word := binary.LittleEndian.Uint32(b[2+8*j+4:])
		x.S[8*i+j] = int32(word >> 28)
		for k := range 4 {
			x.entries(i, 32)[4*j+k], x.signs(i)[4*j+k] = int32(b[2+8*j+k]), block.EvenSigns(word>>(7*k))
		}
	}
}

func writeIQ2_XXS(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for j := range 8 {
		for k, e := range x.entries(i, 32)[4*j:][:4] {
			b[2+8*j+k] = uint8(e)
		}
		word := packSigns7((*[4]uint8)(x.signs(i)[4*j:])) | uint32(x.S[8*i+j])<<28
		binary.LittleEndian.PutUint32(b[2+8*j+4:], word)
	}
}

func readIQ2_XS(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	for k := range 32 {
		v := binary.LittleEndian.Uint16(b[2+2*k:])
		x.entries(i, 32)[k], x.signs(i)[k] = int32(v&511), block.EvenSigns(uint32(v>>9))
	}
	x.readNibbleScales(b[66:], i, 16)
}

func writeIQ2_XS(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for k, e := range x.entries(i, 32) {
		binary.LittleEndian.PutUint16(b[2+2*k:], uint16(e)|uint16(x.signs(i)[k]&127)<<9)
	}
	x.writeNibbleScales(b[66:], i, 16)
}

func readIQ2_S(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	for k := range 32 {
		x.entries(i, 32)[k] = int32(b[2+k]) | int32(b[66+k/4]>>(k%4*2)&3)<<8
	}
	copy(x.signs(i), b[34:66])
	x.readNibbleScales(b[74:], i, 16)
}

func writeIQ2_S(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for k, e := range x.entries(i, 32) {
		b[2+k] = uint8(e)
		b[66+k/4] |= uint8(e>>8) << (k % 4 * 2)
	}
	copy(b[34:66], x.signs(i))
	x.writeNibbleScales(b[74:], i, 16)
}

func readIQ3_XXS(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	for k := range 64 {
		x.entries(i, 64)[k] = int32(b[2+k])
	}
	for j := range 8 {
		word := binary.LittleEndian.Uint32(b[66+4*j:])
		x.S[8*i+j] = int32(word >> 28)
		for k := range 4 {
			x.signs(i)[4*j+k] = block.EvenSigns(word >> (7 * k))
		}
	}
}

func writeIQ3_XXS(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for k, e := range x.entries(i, 64) {
		b[2+k] = uint8(e)
	}
	for j := range 8 {
		word := packSigns7((*[4]uint8)(x.signs(i)[4*j:])) | uint32(x.S[8*i+j])<<28
		binary.LittleEndian.PutUint32(b[66+4*j:], word)
	}
}

func readIQ3_S(x *Levels, b []byte, i int) {
	x.D[i] = getHalf(b)
	for k := range 64 {
		x.entries(i, 64)[k] = int32(b[2+k]) | int32(b[66+k/8]>>(k%8)&1)<<8
	}
	copy(x.signs(i), b[74:106])
	x.readNibbleScales(b[106:], i, 8)
}

func writeIQ3_S(b []byte, x *Levels, i int) {
	putHalf(b, x.D[i])
	for k, e := range x.entries(i, 64) {
		b[2+k] = uint8(e)
		b[66+k/8] |= uint8(e>>8) << (k % 8)
	}
	copy(b[74:106], x.signs(i))
	x.writeNibbleScales(b[106:], i, 8)
}
