//go:build !purego

package encode

// nativeLanes are those of this architecture; the kernel package knows which can run.
var nativeLanes = []*lanes{lanesAVX2(), lanesAVX512()}

func lanesAVX2() *lanes {
	return &lanes{
		name:             "avx2",
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

// lanesAVX512 has wide searches; what works on rows of values waits for memory, and keeps AVX2's width.
func lanesAVX512() *lanes {
	l := lanesAVX2()
	l.name, l.width, l.columns = "avx512", 16, 32
	l.affineSquares, l.affineMagnitudes = affineSquaresAVX512, affineMagnitudesAVX512
	l.symmetric, l.positive = symmetricAVX512, positiveAVX512
	return l
}
