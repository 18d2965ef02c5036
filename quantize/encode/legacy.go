package encode

import (
	"encoding/binary"
	"math"
)

// The types with one scale per 32 values (Q4_0 Q4_1 Q5_0 Q5_1), with h = 8 or 16 and top = 15 or 31.
//
// Without importance: symmetric types put the value of largest magnitude on level -h; affine types spread the levels
// evenly from the smallest value to the largest. Both round by adding one half and dropping the fraction.
// With importance: a search with weights importance * sqrt(mean square of the row + x^2).

// legacyType is the part of one type that is its own.
type legacyType struct {
	bytes int                                          // of a block
	half  int32                                        // h of a symmetric type
	top   int32                                        // of an affine type
	pack  func(b []byte, d, low float32, q *[32]uint8) // low is 0 for a symmetric type
}

func (t *legacyType) encode(dst []byte, row, importance []float32) {
	if importance == nil {
		t.encodePlain(dst, row)
		return
	}
	variance := rowVariance(row, importance)
	var q [32]uint8
	var w [32]float32
	for at := 0; at < len(row); at += 32 {
		x := row[at:][:32]
		importanceWeights(w[:], importance[at:], x, variance)
		var d, low float32
		if t.half > 0 {
			f := searchSymmetric(x, w[:], t.half)
			f.levels(q[:], x, t.half)
			d = f.scale
		} else {
			f := searchAffine(x, w[:], t.top, weightedSteps, false)
			f.levels(q[:], x, t.top)
			d, low = f.scale, -f.min
		}
		t.pack(dst[at/32*t.bytes:][:t.bytes], d, low, &q)
	}
}

// encodePlain encodes a row without importance.
func (t *legacyType) encodePlain(dst []byte, row []float32) {
	var q [32]uint8
	for at := 0; at < len(row); at += 32 {
		x := (*[32]float32)(row[at:])
		var d, low float32
		if t.half > 0 {
			d = plainSymmetric(&q, x, t.half)
		} else {
			d, low = plainAffine(&q, x, t.top)
		}
		t.pack(dst[at/32*t.bytes:][:t.bytes], d, low, &q)
	}
}

// plainSymmetric returns the scale and writes levels 0..2h-1.
func plainSymmetric(q *[32]uint8, x *[32]float32, h int32) float32 {
	extreme, _ := largest(x[:])
	d := extreme / float32(-h)
	inverse, shift := invert(d), float32(h)+0.5
	for i, v := range x {
		q[i] = uint8(min(2*h-1, int32(int8(truncate(float32(v*inverse)+shift)))))
	}
	return d
}

// plainAffine returns the scale and the minimum and writes levels 0..top.
func plainAffine(q *[32]uint8, x *[32]float32, top int32) (d, low float32) {
	low, high := float32(math.MaxFloat32), float32(-math.MaxFloat32)
	for _, v := range x {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	d = (high - low) / float32(top)
	inverse := invert(d)
	for i, v := range x {
		q[i] = uint8(min(top, int32(int8(truncate(float32((v-low)*inverse)+0.5)))))
	}
	return d, low
}

// rowVariance is the mean square of the row, which only weights need.
func rowVariance(row, importance []float32) float32 {
	if importance == nil {
		return 0
	}
	return float32(sumSquares(row) / float32(len(row)))
}

// packNibbles puts the low 4 bits of level i and of level i+16 into byte i.
func packNibbles(dst []byte, q *[32]uint8) {
	b := (*[16]byte)(dst)
	for i := 0; i < 16; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], word(q[i:])&eachByteF|word(q[i+16:])&eachByteF<<4)
	}
}

// packFifth puts the fifth bit of level i into bit i.
func packFifth(dst []byte, q *[32]uint8) {
	var bits uint32
	for i := 0; i < 32; i += 8 {
		// The product gathers the lowest bits of the eight bytes, in order, in the top byte.
		gathered := word(q[i:]) >> 4 & eachByte1 * 0x0102040810204080 >> 56
		bits |= uint32(gathered) << i
	}
	binary.LittleEndian.PutUint32(dst, bits)
}
