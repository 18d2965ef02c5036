//go:build !purego

package encode

// nativeLanes are those of this architecture; the kernel package knows which can run.
var nativeLanes = []*lanes{lanesAVX2(), lanesAVX512()}

func lanesAVX2() *lanes {
	return &lanes{
		name:              "avx2",
		width:             8,
		columns:           16,
		affineSquares:     affineSquaresAVX2,
		affineMagnitudes:  affineMagnitudesAVX2,
		symmetric:         symmetricAVX2,
		nonneg:            positiveAVX2,
		refine:            refineAVX2,
		transpose:         transposeAVX2,
		sumSquares:        sumSquaresAVX2,
		sumMagnitudes:     sumMagnitudesAVX2,
		importanceWeights: emphasizeAVX2,
		spread:            spreadAVX2,
		magnitudes:        magnitudesAVX2,
		squares:           squaresAVX2,
		quotient:          levelsQuotientAVX2,
		product:           levelsProductAVX2,
		largestBits:       peakAVX2,
		q8:                q8AVX2,
		float16:           float16AVX2,
		bfloat16:          bfloat16AVX2,
		evenSymmetric:     evenSymmetricAVX2,
		evenAffine:        evenAffineAVX2,
		absMax:            peaksAVX2,
		signs:             signsAVX2,
		roundHalfAway:     awayAVX2,
		float4:            float4AVX2,
		nonlinear:         unevenAVX2,
		iq1Lanes:          iq1Lanes{thirdsSortAVX2, thirdsSplit32AVX2, thirdsSplit16AVX2},
		codebooks: codebookLanes{
			signs: latticeSignsAVX2,
			roots: latticeRootsAVX2,
			start: latticeStartAVX2,
			round: [2]codebookRound{latticeRound8AVX2, latticeRound4AVX2},
			near:  [2]codebookNear{latticeNear8AVX2, latticeNear4AVX2},
			sums:  [2]codebookSums{latticeSums8AVX2, latticeSums4AVX2},
		},
	}
}

// lanesAVX512 has wide searches; what works on rows of values waits for memory, and keeps AVX2's width.
func lanesAVX512() *lanes {
	l := lanesAVX2()
	l.name, l.width, l.columns = "avx512", 16, 32
	l.affineSquares, l.affineMagnitudes = affineSquaresAVX512, affineMagnitudesAVX512
	l.symmetric, l.nonneg, l.refine = symmetricAVX512, positiveAVX512, refineAVX512
	l.codebooks.roots, l.codebooks.start = latticeRootsAVX512, latticeStartAVX512
	l.codebooks.round = [2]codebookRound{latticeRound8AVX512, latticeRound4AVX512}
	l.codebooks.sums = [2]codebookSums{latticeSums8AVX512, latticeSums4AVX512}
	l.nonlinear = unevenAVX512
	l.iq1Lanes = iq1Lanes{thirdsSortAVX512, thirdsSplit32AVX512, thirdsSplit16AVX512}
	return l
}
