package kernel

import "unsafe"

// signedCodes is a row, or a part of one, of a type whose values are small whole numbers times a scale (layouts:
// formats/block): a weightType's signed function unpacks the blocks of a row to codes and scales.
type signedCodes struct {
	codeFuncs
	codes  []int8
	scales []float32  // one for sixteen codes
	index  [64]uint16 // of a block's entries in the codebook
	signs  [32]byte
}

// codeFuncs are the functions of an instruction set for signed codes.
type codeFuncs struct {
	// nibbles sets dst[32i+k] to table[low half of byte k], dst[32i+16+k] to table[upper half of byte k] of n sixteens
	// of bytes, stride bytes apart.
	nibbles func(dst *int8, src *byte, stride, n int, table *int8)
	// entries8 sets dst[i] to table[index[i]], negated where the bits of signs[i] are set; n is a multiple of four.
	entries8 func(dst, table *[8]int8, index *uint16, signs *byte, n int)
	// entries4 sets dst[i] to table[index[i]]; byte k of all is negated where bit k of signs is set; n is a multiple of
	// eight.
	entries4 func(dst, table *[4]int8, index *uint16, signs *byte, n int)
	// dot computes sum_i scales[i] * sum_k codes[16i+k]*x[16i+k] for i < n, an even number.
	dot func(dst *float32, codes *int8, scales *float32, n int, x *float32)
}

var codeFuncsGeneric = codeFuncs{nibblesGeneric, entries8Generic, entries4Generic, dotSignedGeneric}

func nibblesGeneric(dst *int8, src *byte, stride, n int, table *int8) {
	codes, from, values := unsafe.Slice(dst, 32*n), unsafe.Slice(src, stride*(n-1)+16), unsafe.Slice(table, 16)
	for i := range n {
		for k, v := range from[stride*i:][:16] {
			codes[32*i+k], codes[32*i+16+k] = values[v&15], values[v>>4]
		}
	}
}

func entries8Generic(dst, table *[8]int8, index *uint16, signs *byte, n int) {
	for i, at := range unsafe.Slice(index, n) {
		entry := (*[8]int8)(unsafe.Add(unsafe.Pointer(table), 8*int(at)))
		negateBits(unsafe.Slice(dst, n)[i][:], entry[:], unsafe.Slice(signs, n)[i])
	}
}

func entries4Generic(dst, table *[4]int8, index *uint16, signs *byte, n int) {
	for i, at := range unsafe.Slice(index, n) {
		entry := (*[4]int8)(unsafe.Add(unsafe.Pointer(table), 4*int(at)))
		negateBits(unsafe.Slice(dst, n)[i][:], entry[:], unsafe.Slice(signs, n/2)[i/2]>>(i%2*4))
	}
}

// negateBits sets dst to src, negated where bits of signs are set.
func negateBits(dst, src []int8, signs byte) {
	for k, v := range src {
		if signs>>k&1 > 0 {
			v = -v
		}
		dst[k] = v
	}
}

func dotSignedGeneric(dst *float32, codes *int8, scales *float32, n int, x *float32) {
	q, v := unsafe.Slice(codes, 16*n), unsafe.Slice(x, 16*n)
	*dst = 0
	for i, scale := range unsafe.Slice(scales, n) {
		var sum float32
		for k, c := range q[16*i : 16*i+16] {
			sum += float32(c) * v[16*i+k]
		}
		*dst += scale * sum
	}
}

// repeat sets the scales of n codes from code at on.
func (c *signedCodes) repeat(at, n int, scale float32) {
	s := c.scales[at/16:][:n/16]
	for i := range s {
		s[i] = scale
	}
}
