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
		nonneg:            nonnegAVX2,
		refine:            refineAVX2,
		transpose:         transposeAVX2,
		sumSquares:        sumSquaresAVX2,
		sumMagnitudes:     sumMagnitudesAVX2,
		importanceWeights: importanceWeightsAVX2,
		spread:            spreadAVX2,
		magnitudes:        magnitudesAVX2,
		squares:           squaresAVX2,
		quotient:          levelsQuotientAVX2,
		product:           levelsProductAVX2,
		largestBits:       largestBitsAVX2,
		q8:                q8AVX2,
		float16:           float16AVX2,
		bfloat16:          bfloat16AVX2,
		evenSymmetric:     evenSymmetricAVX2,
		evenAffine:        evenAffineAVX2,
		absMax:            absMaxAVX2,
		signs:             signsAVX2,
		roundHalfAway:     roundHalfAwayAVX2,
		float4:            float4AVX2,
		nonlinear:         nonlinearAVX2,
		iq1Lanes:          iq1Lanes{iq1SortAVX2, iq1Split32AVX2, iq1Split16AVX2},
		codebooks: codebookLanes{
			signs: codebookSignsAVX2,
			roots: codebookRootsAVX2,
			start: codebookStartAVX2,
			round: [2]codebookRound{codebookRound8AVX2, codebookRound4AVX2},
			near:  [2]codebookNear{codebookNear8AVX2, codebookNear4AVX2},
			sums:  [2]codebookSums{codebookSums8AVX2, codebookSums4AVX2},
		},
	}
}

// lanesAVX512 has wide searches; what works on rows of values waits for memory, and keeps AVX2's width.
func lanesAVX512() *lanes {
	l := lanesAVX2()
	l.name, l.width, l.columns = "avx512", 16, 32
	l.affineSquares, l.affineMagnitudes = affineSquaresAVX512, affineMagnitudesAVX512
	l.symmetric, l.nonneg, l.refine = symmetricAVX512, nonnegAVX512, refineAVX512
	l.codebooks.roots, l.codebooks.start = codebookRootsAVX512, codebookStartAVX512
	l.codebooks.round = [2]codebookRound{codebookRound8AVX512, codebookRound4AVX512}
	l.codebooks.sums = [2]codebookSums{codebookSums8AVX512, codebookSums4AVX512}
	l.nonlinear = nonlinearAVX512
	l.iq1Lanes = iq1Lanes{iq1SortAVX512, iq1Split32AVX512, iq1Split16AVX512}
	return l
}
