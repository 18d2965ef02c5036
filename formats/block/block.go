// Package block says what the bytes of a tensor mean: one file per type with a drawing of its block, and Decode,
// which turns stored blocks into float32 values. Layouts and arithmetic are those of ggml (ggml-common.h,
// ggml-quants.c), so a decoded value equals ggml's to the bit.
//
// Drawings show bytes from offset 0. d, dmin and m are 16-bit floats, little-endian. "low" and "high" are the halves
// of a byte. In a block of 256 the sub-blocks are numbered in the order of the values they hold.
package block

import (
	"fmt"

	"bitmill/formats"
)

// decoder turns whole blocks into values. Decode has checked both lengths.
type decoder struct {
	typ    formats.Type
	decode func(dst []float32, src []byte)
}

// decoders lists the types Decode knows, by ascending id.
var decoders = []decoder{
	{formats.F32, decodeF32},
	{formats.F16, decodeF16},
	{formats.Q4_0, decodeQ4_0},
	{formats.Q4_1, decodeQ4_1},
	{formats.Q5_0, decodeQ5_0},
	{formats.Q5_1, decodeQ5_1},
	{formats.Q8_0, decodeQ8_0},
	{formats.Q8_1, decodeQ8_1},
	{formats.Q2_K, decodeQ2_K},
	{formats.Q3_K, decodeQ3_K},
	{formats.Q4_K, decodeQ4_K},
	{formats.Q5_K, decodeQ5_K},
	{formats.Q6_K, decodeQ6_K},
	{formats.Q8_K, decodeQ8_K},
	{formats.IQ2_XXS, decodeIQ2_XXS},
	{formats.IQ2_XS, decodeIQ2_XS},
	{formats.IQ3_XXS, decodeIQ3_XXS},
	{formats.IQ1_S, decodeIQ1_S},
	{formats.IQ4_NL, decodeIQ4_NL},
	{formats.IQ3_S, decodeIQ3_S},
	{formats.IQ2_S, decodeIQ2_S},
	{formats.IQ4_XS, decodeIQ4_XS},
	{formats.IQ1_M, decodeIQ1_M},
	{formats.BF16, decodeBF16},
	{formats.TQ1_0, decodeTQ1_0},
	{formats.TQ2_0, decodeTQ2_0},
	{formats.MXFP4, decodeMXFP4},
	{formats.NVFP4, decodeNVFP4},
	{formats.Q1_0, decodeQ1_0},
	{formats.Q2_0, decodeQ2_0},
}

// Decode fills dst with the values stored in src as type t. len(dst) must be a multiple of t's block length and src
// must hold exactly its blocks. Any bytes decode to something: NaN and Inf scales give NaN and Inf values.
// A type without a decoder (F64, integers) fails with formats.ErrUnsupported.
func Decode(t formats.Type, dst []float32, src []byte) error {
	for i := range decoders {
		if decoders[i].typ != t {
			continue
		}
		want, err := t.RowBytes(int64(len(dst)))
		if err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		if int64(len(src)) != want {
			return fmt.Errorf("decode: %d %s values take %d bytes, not %d", len(dst), t, want, len(src))
		}
		decoders[i].decode(dst, src)
		return nil
	}
	return fmt.Errorf("decode: %w: type %s", formats.ErrUnsupported, t)
}

// Known reports whether Decode handles type t.
func Known(t formats.Type) bool {
	for i := range decoders {
		if decoders[i].typ == t {
			return true
		}
	}
	return false
}
