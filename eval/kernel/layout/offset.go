package layout

// Offsets are added to codes so that none is negative, by the type or by what multiplies it; what they add to products
// is taken back by sums of activation codes.
const (
	OffsetQ4_0 = 8
	OffsetQ5_0 = 16
	OffsetQ8_0 = 128
	OffsetQ3_K = 4
	OffsetQ6_K = 32

	OffsetNonlinear4 = 127 // the levels of IQ4_NL and IQ4_XS, block.Nonlinear4
	OffsetFloat4     = 12  // twice the values of MXFP4 and NVFP4, block.Float4
	OffsetIQ3_S      = 15  // entries of codebooks
	OffsetIQ3_XXS    = 62
	OffsetIQ2        = 43
	OffsetIQ1        = 9
	OffsetTernary    = 1 // TQ1_0, TQ2_0 and the like: Q1_0, Q2_0

	// Full is the offset of all codes in tiles for AVX-512, Folded that of Q3_K's codes times their scales.
	Full   = 128
	Folded = 127
)
