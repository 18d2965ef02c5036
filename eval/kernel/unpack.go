package kernel

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// Quantized weights are unpacked to unsigned codes plus scales. Bytes are handled eight at a time in a uint64: a
// shift and a mask take the same bits of eight codes.

// kquantScales is what a block of 256 holds beside its codes. With code c, activation code q and activation scale a,
// a block's product is
//
//	with mins     a*d * sum_g scales[g]*sum(c*q)  -  a*dmin * sum_g mins[g]*sum(q)     (Q2_K Q4_K Q5_K)
//	with offset   a*d * (sum_g scales[g]*sum(c*q) - sum_g mins[g]*sum(q))              (Q3_K Q6_K)
//
// where g counts groups of 16 columns (Q4_K, Q5_K: of 32; entries 8 to 15 unused). With an offset, which makes codes
// unsigned, mins[g] = offset*scales[g].
type kquantScales struct {
	scales, mins [16]int16
	d, dmin      float32
}

// A legacy block of 32 has one scale: with d and m of the weights, a and s of the activations, its product is
//
//	d*a*sum(c*q) + m*s              (Q4_1 Q5_1)
//	d*a*(sum(c*q) - offset*sum(q))  (Q4_0 Q5_0 Q8_0)

const (
	bits0 = 0x0101010101010101 // bit 0 of eight bytes
	bits1 = 0x0303030303030303 // bits 0-1
	bits3 = 0x0f0f0f0f0f0f0f0f // bits 0-3
	bit7  = 0x8080808080808080
)

func load8(b []byte, i int) uint64     { return binary.LittleEndian.Uint64(b[i:]) }
func store8(b []byte, i int, v uint64) { binary.LittleEndian.PutUint64(b[i:], v) }
func half(b []byte, i int) float32     { return block.FromF16(binary.LittleEndian.Uint16(b[i:])) }
