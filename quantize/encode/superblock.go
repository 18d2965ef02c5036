package encode

import "encoding/binary"

// Parts of the k-quants, whose super-blocks of 256 values hold 8 sub-blocks of 32 or 16 of 16.

// weightedSteps are the candidates of every affine search with importance.
var weightedSteps = stepRange{-0.9, 0.05, 36}

// requantize replaces the levels by clamp(nearest((x + min) / scale)), once the stored scale and minimum are known.
// With a scale of zero they stay.
func requantize(q []uint8, x []float32, scale, min32 float32, top int32) {
	if scale == 0 {
		return
	}
	x = x[:len(q)]
	for i, v := range x {
		q[i] = uint8(max(0, min(top, nearest((v+min32)/scale))))
	}
}

// requantizeSigned replaces the levels by clamp(nearest(x / scale)) + half, unless scale is zero.
func requantizeSigned(q []uint8, x []float32, scale float32, half int32) {
	if scale == 0 {
		return
	}
	x = x[:len(q)]
	for i, v := range x {
		q[i] = uint8(half + max(-half, min(half-1, nearest(v/scale))))
	}
}

// maximum returns the largest of the values, at least 0.
func maximum(x []float32) float32 {
	var m float32
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// plainLevels writes min(top, nearest(top/largest * x)) and returns largest/top, or zeros when nothing is positive.
func plainLevels(q []uint8, x []float32, top int32) float32 {
	largest, limit := maximum(x), float32(top)
	var inverse float32
	if largest > 0 {
		inverse = limit / largest
	}
	for i, v := range x {
		q[i] = min(uint8(top), uint8(nearest(inverse*v)))
	}
	return largest / limit
}

// packScalesMins is the inverse of block.ScalesMins.
func packScalesMins(b *[12]byte, s, t *[8]uint8) {
	for j := range 4 {
		b[j] = s[j] | s[j+4]>>4<<6
		b[j+4] = t[j] | t[j+4]>>4<<6
		b[j+8] = s[j+4]&15 | t[j+4]<<4
	}
}

// The functions below pack eight levels at once, as the bytes of a word; masks keep bits within their bytes.
const (
	eachByte1 = 0x0101010101010101
	eachByte3 = 0x0303030303030303
	eachByteF = 0x0f0f0f0f0f0f0f0f
)

func word(q []uint8) uint64 { return binary.LittleEndian.Uint64(q) }

// pack2 packs levels of 2 bits as Q2_K and Q3_K do: byte 32*h + i holds values 128*h + i, + 32, + 64, + 96.
func pack2(dst []byte, q *[256]uint8) {
	b := (*[64]byte)(dst)
	for h := range 2 {
		v, out := (*[128]uint8)(q[128*h:]), (*[32]byte)(b[32*h:])
		for i := 0; i < 32; i += 8 {
			binary.LittleEndian.PutUint64(out[i:], word(v[i:])&eachByte3|word(v[i+32:])&eachByte3<<2|
				word(v[i+64:])&eachByte3<<4|word(v[i+96:])&eachByte3<<6)
		}
	}
}

// pack4 packs the low 4 bits as Q4_K and Q5_K do: byte 32*p + i holds values 64*p + i and 64*p + 32 + i.
func pack4(dst []byte, q *[256]uint8) {
	b := (*[128]byte)(dst)
	for p := range 4 {
		v, out := (*[64]uint8)(q[64*p:]), (*[32]byte)(b[32*p:])
		for i := 0; i < 32; i += 8 {
			binary.LittleEndian.PutUint64(out[i:], word(v[i:])&eachByteF|word(v[i+32:])&eachByteF<<4)
		}
	}
}

// packBit packs one bit of each level as Q3_K and Q5_K do: bit k of byte i belongs to value 32*k + i.
func packBit(dst []byte, q *[256]uint8, bit uint) {
	b := (*[32]byte)(dst)
	for i := 0; i < 32; i += 8 {
		var bits uint64
		for k := range 8 {
			bits |= word(q[32*k+i:]) >> bit & eachByte1 << k
		}
		binary.LittleEndian.PutUint64(b[i:], bits)
	}
}
