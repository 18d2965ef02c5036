// Package encode chooses the bytes of quantized tensors.
//
// The bytes equal those of llama-quantize (llama.cpp, ggml-quants.c): its encoders are plain IEEE float32, one
// operation at a time, sums in the order of the values, no fused multiply-add. Here every product that is added to
// something is therefore converted (float32(x*y) + z), which forbids fusing on every architecture.
//
// Every type is encoded in two ways that give the same bytes:
//
//   - Plain Go is the reference. Each type has a file, q4_k.go for Q4_K. Searches that types share are in affine.go,
//     symmetric.go, nonneg.go and nonlinear.go; types that differ in numbers and packing only are rows of one struct:
//     legacyType, kAffine, codebookType and iq1Type.
//   - Lanes (lanes.go) search many sub-blocks at once, one per SIMD lane. The files lanes_*.go carry a batch of values
//     through the functions of one instruction set, in a workspace; what a lane cannot do exactly, plain Go does again.
//
// The table of encoders in this file has a row per type with both. They share the functions that write a block from its
// scales and levels (head and pack of a type), which do not ask how these were chosen.
//
// A search works on one sub-block of at most 32 values and touches nothing else, so rows, blocks and sub-blocks may be
// encoded in any order and by any number of goroutines.
package encode

import (
	"fmt"

	"bitmill/formats"
)

// encoder is how one type is written. Encode has checked all lengths; importance is nil or as long as a row.
type encoder struct {
	typ      formats.Type
	use      use
	row      func(dst []byte, row, importance []float32)                // one row in plain Go: the reference
	lanes    func(ws *workspace, dst []byte, row, importance []float32) // on SIMD lanes; nil where these are not faster
	batching batching
}

// use says how an encoder uses importance.
type use uint8

const (
	unused use = iota
	optional
	required
)

// batching says which values an encoder on lanes takes as a batch.
type batching uint8

const (
	rowByRow   batching = iota // those of one row: its encoder needs the whole row
	acrossRows                 // those of several rows: blocks do not depend on their row
)

// encoders lists the types that Encode handles, by ascending id.
var encoders = []encoder{
	{formats.F32, unused, encodeF32, nil, rowByRow},
	{formats.F16, unused, encodeF16, (*workspace).encodeF16, acrossRows},
	{formats.Q4_0, optional, typeQ4_0.encode, typeQ4_0.onLanes, rowByRow},
	{formats.Q4_1, optional, typeQ4_1.encode, typeQ4_1.onLanes, rowByRow},
	{formats.Q5_0, optional, typeQ5_0.encode, typeQ5_0.onLanes, rowByRow},
	{formats.Q5_1, optional, typeQ5_1.encode, typeQ5_1.onLanes, rowByRow},
	{formats.Q8_0, unused, encodeQ8_0, (*workspace).encodeQ8_0, acrossRows},
	{formats.Q2_K, optional, typeQ2_K.encode, typeQ2_K.onLanes, acrossRows},
	{formats.Q3_K, optional, encodeQ3_K, (*workspace).encodeQ3_K, acrossRows},
	{formats.Q4_K, optional, typeQ4_K.encode, typeQ4_K.onLanes, acrossRows},
	{formats.Q5_K, optional, typeQ5_K.encode, typeQ5_K.onLanes, acrossRows},
	{formats.Q6_K, optional, encodeQ6_K, (*workspace).encodeQ6_K, acrossRows},
	{formats.IQ2_XXS, required, typeIQ2_XXS.encode, typeIQ2_XXS.onLanes, rowByRow},
	{formats.IQ2_XS, required, typeIQ2_XS.encode, typeIQ2_XS.onLanes, rowByRow},
	{formats.IQ3_XXS, optional, typeIQ3_XXS.encode, typeIQ3_XXS.onLanes, rowByRow},
	{formats.IQ1_S, required, typeIQ1_S.encode, typeIQ1_S.onLanes, rowByRow},
	{formats.IQ4_NL, optional, encodeIQ4_NL, (*workspace).encodeIQ4_NL, rowByRow},
	{formats.IQ3_S, optional, typeIQ3_S.encode, typeIQ3_S.onLanes, rowByRow},
	{formats.IQ2_S, optional, typeIQ2_S.encode, typeIQ2_S.onLanes, rowByRow},
	{formats.IQ4_XS, optional, encodeIQ4_XS, (*workspace).encodeIQ4_XS, rowByRow},
	{formats.IQ1_M, optional, typeIQ1_M.encode, typeIQ1_M.onLanes, rowByRow},
	{formats.BF16, unused, encodeBF16, (*workspace).encodeBF16, acrossRows},
	{formats.TQ1_0, unused, encodeTQ1_0, (*workspace).encodeTQ1_0, acrossRows},
	{formats.TQ2_0, unused, encodeTQ2_0, (*workspace).encodeTQ2_0, acrossRows},
	{formats.MXFP4, unused, encodeMXFP4, (*workspace).encodeMXFP4, acrossRows},
	{formats.NVFP4, unused, encodeNVFP4, (*workspace).encodeNVFP4, acrossRows},
	{formats.Q1_0, unused, encodeQ1_0, (*workspace).encodeQ1_0, acrossRows},
	{formats.Q2_0, unused, encodeQ2_0, (*workspace).encodeQ2_0, acrossRows},
}

// Encode writes len(src)/cols rows of cols values as type t into dst, which must have exactly their size in bytes.
// importance is the imatrix weight of each column, or nil (see NeedsImportance). F32, F16, BF16, Q8_0, the ternary
// types and those of fixed steps (MXFP4, NVFP4, Q1_0, Q2_0) do not use it. The others search with other weights and
// steps for nil than for an importance of all ones, as llama-quantize does.
//
// Values and importance should be finite (checkpoint.CheckFinite finds others) and importance not negative: otherwise
// the bytes are meaningless, though there is no panic. A type without an encoder fails with formats.ErrUnsupported.
func Encode(t formats.Type, dst []byte, src []float32, cols int, importance []float32) error {
	e := find(t)
	if e == nil {
		return fmt.Errorf("encode: %w: no encoder for type %s", formats.ErrUnsupported, t)
	}
	if cols <= 0 || len(src)%cols != 0 {
		return fmt.Errorf("encode: %d values do not divide into rows of %d", len(src), cols)
	}
	size, err := t.RowBytes(int64(cols))
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	rows, stride := len(src)/cols, int(size)
	if len(dst) != rows*stride {
		return fmt.Errorf("encode: %d rows of %d %s values take %d bytes, not %d", rows, cols, t, rows*stride, len(dst))
	}
	if importance != nil && len(importance) != cols {
		return fmt.Errorf("encode: importance has %d columns, the tensor %d", len(importance), cols)
	}
	if importance == nil && e.use == required {
		return fmt.Errorf("encode: %s cannot be encoded without importance", t)
	}
	if e.onLanes(chosenLanes(), dst, src, cols, stride, importance) {
		return nil
	}
	for r := range rows {
		e.row(dst[r*stride:(r+1)*stride], src[r*cols:(r+1)*cols], importance)
	}
	return nil
}

// Known reports whether Encode handles type t.
func Known(t formats.Type) bool { return find(t) != nil }

// UsesImportance reports whether importance changes what type t is encoded to.
func UsesImportance(t formats.Type) bool {
	e := find(t)
	return e != nil && e.use != unused
}

// NeedsImportance reports whether type t cannot be encoded without importance.
func NeedsImportance(t formats.Type) bool {
	e := find(t)
	return e != nil && e.use == required
}

func find(t formats.Type) *encoder {
	for i := range encoders {
		if encoders[i].typ == t {
			return &encoders[i]
		}
	}
	return nil
}
