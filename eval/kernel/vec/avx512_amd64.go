//go:build !purego

package vec

// avx512 takes vectors of sixteen numbers where there is an exponential, and is avx2 elsewhere.
var avx512 = func() *Set {
	s := *avx2
	s.addPart = addPartOf(wideRunningPart)
	s.softmax = softmaxOf(16, wideExpSum, maximumAVX2, scaleAVX2, avx2)
	s.logSumExp = logSumExpOf(16, wideSumExp, maximumAVX2, avx2)
	s.klDivergence = klDivergenceOf(16, wideDivergence, avx2)
	s.siluMul = twoSlices(16, wideSiLUMul, avx2.siluMul)
	s.geluMul = twoSlices(16, wideGELUMul, avx2.geluMul)
	s.geluTanhMul = twoSlices(16, wideGELUTanhMul, avx2.geluTanhMul)
	s.swigluOAIMul = twoSlicesBy(16, wideSwiGLUOAIMul, avx2.swigluOAIMul)
	s.sigmoid = oneSlice(16, wideSigmoid, avx2.sigmoid)
	s.softCap = oneSliceBy(16, capOf(wideCap), avx2.softCap)
	return &s
}()
