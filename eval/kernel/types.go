package kernel

import (
	"bitmill/eval/kernel/layout"
	"bitmill/formats"
	"bitmill/formats/block"
)

// weightType is the facts about a type of weights that do not depend on the instruction set. Blocks of quantized types
// are unpacked in one of three ways; types with none are decoded to float32.
type weightType struct {
	form   ActivationForm // of activations at full speed
	group  int            // values that share a scale; 0: there are no products with this type
	offset int            // added to codes so that none is negative, by the type itself or by kernels

	kquant func(codes *[256]uint8, s *kquantScales, b []byte)
	legacy func(codes *[32]uint8, b []byte) (d, m float32)
	signed func(c *signedCodes, row []byte)

	// Signed codes only: a value is d*factor*s times a code, with d of the block and a whole number s of the group.
	// Codes come from the entries of the codebook, if there is one.
	factor   float32
	codebook func() *byte

	repack *repackLayout // how rows are interleaved; nil: they are multiplied as they are stored
}

// weightTypes has a row for each type with products. A new type needs a row here, an unpack function beside those of
// its kind, and a row in the table of each instruction set that has functions for it.
var weightTypes = [...]weightType{
	formats.F32:  {form: FormF32, group: 1},
	formats.F16:  {form: FormF32, group: 1},
	formats.BF16: {form: FormBF16, group: 1, repack: &repackLayout{plain: true}},

	formats.Q4_0: {form: FormQ8_0, group: 32, offset: layout.OffsetQ4_0,
		legacy: unpackQ4_0, repack: &repackLayout{bits: 4}},
	formats.Q4_1: {form: FormQ8_1, group: 32, legacy: unpackQ4_1, repack: &repackLayout{bits: 4}},
	formats.Q5_0: {form: FormQ8_0, group: 32, offset: layout.OffsetQ5_0,
		legacy: unpackQ5_0, repack: &repackLayout{bits: 5}},
	formats.Q5_1: {form: FormQ8_1, group: 32, legacy: unpackQ5_1, repack: &repackLayout{bits: 5}},
	formats.Q8_0: {form: FormQ8_0, group: 32, offset: layout.OffsetQ8_0,
		legacy: unpackQ8_0, repack: &repackLayout{bits: 8}},

	formats.Q2_K: {form: FormQ8_K, group: 16, kquant: unpackQ2_K,
		repack: &repackLayout{bits: 2, scaleWords: 4, putScales: putScalesQ2_K, scales: scalesQ2_K}},
	formats.Q3_K: {form: FormQ8_K, group: 16, offset: layout.OffsetQ3_K, kquant: unpackQ3_K,
		repack: &repackLayout{bits: 3, scaleWords: 3, putScales: putScalesQ3_K, scales: scalesQ3_K}},
	formats.Q4_K: {form: FormQ8_K, group: 32, kquant: unpackQ4_K,
		repack: &repackLayout{bits: 4, scaleWords: 3, putScales: putScalesAndMins, scales: scalesAndMins,
			order: layout.OrderQ4_K}},
	formats.Q5_K: {form: FormQ8_K, group: 32, kquant: unpackQ5_K,
		repack: &repackLayout{bits: 5, scaleWords: 3, putScales: putScalesAndMins, scales: scalesAndMins}},
	formats.Q6_K: {form: FormQ8_K, group: 16, offset: layout.OffsetQ6_K, kquant: unpackQ6_K,
		repack: &repackLayout{bits: 6, scaleWords: 4, putScales: putScalesQ6_K, scales: scalesQ6_K}},

	formats.IQ4_NL: {form: FormValuesQ8_0, group: 32, offset: layout.OffsetNonlinear4,
		signed: (*signedCodes).iq4NL, factor: 1,
		repack: &repackLayout{bits: 4, values: block.Nonlinear4[:]}},
	formats.MXFP4: {form: FormValuesQ8_0, group: 32, offset: layout.OffsetFloat4,
		signed: (*signedCodes).mxfp4, factor: 1,
		repack: &repackLayout{bits: 4, values: block.Float4[:]}},
	formats.NVFP4: {form: FormValuesQ8_0, group: 16, offset: layout.OffsetFloat4,
		signed: (*signedCodes).nvfp4, factor: 1},
	formats.Q1_0: {form: FormValuesQ8_0, group: 128, offset: layout.OffsetTernary,
		signed: (*signedCodes).q1, factor: 1},
	formats.Q2_0: {form: FormValuesQ8_0, group: 64, offset: layout.OffsetTernary,
		signed: (*signedCodes).q2, factor: 1},

	formats.IQ4_XS: {form: FormValuesQ8_K, group: 32, offset: layout.OffsetNonlinear4,
		signed: (*signedCodes).iq4XS, factor: 1,
		repack: &repackLayout{bits: 4, scaleWords: 2, values: block.Nonlinear4[:], scaleBytes: scalesIQ4_XS}},
	formats.IQ3_S: {form: FormValuesQ8_K, group: 32, offset: layout.OffsetIQ3_S, signed: (*signedCodes).iq3S, factor: 1,
		codebook: codebook4(formats.IQ3_S),
		repack:   &repackLayout{bits: 4, scaleWords: 2, scaleBytes: oddNibbles(106, 8)}},
	formats.IQ3_XXS: {form: FormValuesQ8_K, group: 32, offset: layout.OffsetIQ3_XXS,
		signed: (*signedCodes).iq3XXS, factor: 0.25,
		codebook: codebook4(formats.IQ3_XXS),
		repack:   &repackLayout{bits: 4, scaleWords: 2, scaleBytes: oddHighNibbles(69, 4)}},
	formats.IQ2_XXS: {form: FormValuesQ8_K, group: 32, offset: layout.OffsetIQ2,
		signed: (*signedCodes).iq2XXS, factor: 0.125,
		codebook: codebook8(formats.IQ2_XXS),
		repack:   &repackLayout{bits: 3, scaleWords: 2, scaleBytes: oddHighNibbles(9, 8)}},
	formats.IQ2_XS: {form: FormValuesQ8_K, group: 16, offset: layout.OffsetIQ2,
		signed: (*signedCodes).iq2XS, factor: 0.125,
		codebook: codebook8(formats.IQ2_XS),
		repack:   &repackLayout{bits: 3, scaleWords: 4, scaleBytes: oddNibbles(66, 16)}},
	formats.IQ2_S: {form: FormValuesQ8_K, group: 16, offset: layout.OffsetIQ2,
		signed: (*signedCodes).iq2S, factor: 0.125,
		codebook: codebook8(formats.IQ2_S),
		repack:   &repackLayout{bits: 3, scaleWords: 4, scaleBytes: oddNibbles(74, 16)}},
	formats.IQ1_S: {form: FormValuesQ8_K, group: 32, offset: layout.OffsetIQ1,
		signed: (*signedCodes).iq1S, factor: block.Shift1,
		codebook: codebookIQ1},
	formats.IQ1_M: {form: FormValuesQ8_K, group: 16, offset: layout.OffsetIQ1,
		signed: (*signedCodes).iq1M, factor: block.Shift1,
		codebook: codebookIQ1},
	formats.TQ1_0: {form: FormValuesQ8_K, group: 256, offset: layout.OffsetTernary,
		signed: (*signedCodes).tq1, factor: 1,
		repack: &repackLayout{bits: 2, values: []int8{-1, 0, 1}}},
	formats.TQ2_0: {form: FormValuesQ8_K, group: 256, offset: layout.OffsetTernary,
		signed: (*signedCodes).tq2, factor: 1,
		repack: &repackLayout{bits: 2, values: []int8{-1, 0, 1, 2}}},

	// Types of activations: products with them as weights are correct, not fast.
	formats.Q8_1: {form: FormValuesQ8_0, group: 32},
	formats.Q8_K: {form: FormValuesQ8_K, group: 256},
}

// weightTypeOf returns the row of a type; nil for a type without products.
func weightTypeOf(t formats.Type) *weightType {
	if int(t) >= len(weightTypes) || weightTypes[t].group == 0 {
		return nil
	}
	return &weightTypes[t]
}
