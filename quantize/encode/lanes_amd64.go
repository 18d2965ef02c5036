//go:build !purego

package encode

// nativeLanes are those of this architecture; the kernel package knows which can run.
var nativeLanes = []*lanes{lanesAVX2("avx2"), lanesAVX2("avx512")}

func lanesAVX2(name string) *lanes {
	return &lanes{
		name:             name,
		width:            8,
		columns:          16,
		affineSquares:    affineSquaresAVX2,
		affineMagnitudes: affineMagnitudesAVX2,
		symmetric:        symmetricAVX2,
		positive:         positiveAVX2,
		transpose:        transposeAVX2,
		sumSquares:       sumSquaresAVX2,
		emphasize:        emphasizeAVX2,
		spread:           spreadAVX2,
		magnitudes:       magnitudesAVX2,
		squares:          squaresAVX2,
		quotient:         levelsQuotientAVX2,
		product:          levelsProductAVX2,
		peak:             peakAVX2,
		q8:               q8AVX2,
		float16:          float16AVX2,
		bfloat16:         bfloat16AVX2,
		evenSymmetric:    evenSymmetricAVX2,
		evenAffine:       evenAffineAVX2,
	}
}
