package kernel

import (
	"encoding/binary"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Quantized weights are unpacked to unsigned codes plus scales. Bytes are handled eight at a time in a uint64: a
// shift and a mask take the same bits of eight codes.

// superScales is what a block of 256 holds beside its codes. With code c, activation code q and activation scale a,
// a block's product is
//
//	offset types  a*d * sum_g scales[g]*sum(c*q)  -  a*dmin * sum_g mins[g]*sum(q)     (Q2_K Q4_K Q5_K)
//	signed types  a*d * (sum_g scales[g]*sum(c*q) - sum_g mins[g]*sum(q))              (Q3_K Q6_K)
//
// where g counts groups of 16 columns (Q4_K, Q5_K: of 32; entries 8 to 15 unused). In signed types the codes are
// stored with an offset (4, 32) to make them unsigned, and mins[g] = offset*scales[g].
type superScales struct {
	scales, mins [16]int16
	d, dmin      float32
}

// superType describes a type with blocks of 256.
type superType struct {
	signed bool
	group  int // columns that share a scale: 16 or 32
	unpack func(codes *[256]uint8, s *superScales, b []byte)
}

// smallType describes a type with blocks of 32. With d and m of the weights, a and s of the activations, a block's
// product is
//
//	d*a*sum(c*q) + m*s            (Q4_1 Q5_1)
//	d*a*(sum(c*q) - offset*sum(q))  (Q4_0 Q5_0 Q8_0)
type smallType struct {
	offset int
	unpack func(codes *[32]uint8, b []byte) (d, m float32)
}

func superTypeOf(t formats.Type) *superType {
	switch t {
	case formats.Q2_K:
		return &superType{false, 16, unpackQ2_K}
	case formats.Q3_K:
		return &superType{true, 16, unpackQ3_K}
	case formats.Q4_K:
		return &superType{false, 32, unpackQ4_K}
	case formats.Q5_K:
		return &superType{false, 32, unpackQ5_K}
	case formats.Q6_K:
		return &superType{true, 16, unpackQ6_K}
	}
	return nil
}

func smallTypeOf(t formats.Type) *smallType {
	switch t {
	case formats.Q4_0:
		return &smallType{8, unpackQ4_0}
	case formats.Q4_1:
		return &smallType{0, unpackQ4_1}
	case formats.Q5_0:
		return &smallType{16, unpackQ5_0}
	case formats.Q5_1:
		return &smallType{0, unpackQ5_1}
	case formats.Q8_0:
		return &smallType{128, unpackQ8_0}
	}
	return nil
}

const (
	bits0 = 0x0101010101010101 // bit 0 of eight bytes
	bits1 = 0x0303030303030303 // bits 0-1
	bits3 = 0x0f0f0f0f0f0f0f0f // bits 0-3
	bit7  = 0x8080808080808080
)

func load8(b []byte, i int) uint64     { return binary.LittleEndian.Uint64(b[i:]) }
func store8(b []byte, i int, v uint64) { binary.LittleEndian.PutUint64(b[i:], v) }
func half(b []byte, i int) float32     { return block.FromF16(binary.LittleEndian.Uint16(b[i:])) }
