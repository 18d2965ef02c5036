//go:build !purego

package vec

import "bitmill/formats/cpu"

// native lists the sets beyond generic.
var native = map[string]*Set{cpu.AVX2: avx2, cpu.AVX512: avx512}

// avx512 takes vectors of sixteen numbers where there is an exponential, and in convolutions; it is avx2 elsewhere.
var avx512 = func() *Set {
	s := *avx2
	s.fixed = &fixed512
	s.addPart = addPartOf(addPartAVX512)
	s.conv = convFuncs{16, convs{2: conv2AVX512, 3: conv3AVX512, 4: conv4AVX512}}
	s.softmax = softmaxOf(16, expSumAVX512, maximum8, scale8, avx2)
	s.logSumExp = logSumExpOf(16, sumExpAVX512, maximum8, avx2)
	s.klDivergence = klDivergenceOf(16, divergenceAVX512, avx2)
	s.siluMul = twoSlices(16, siluMulAVX512, avx2.siluMul)
	s.geluMul = twoSlices(16, geluMulAVX512, avx2.geluMul)
	s.geluTanhMul = twoSlices(16, geluTanhMulAVX512, avx2.geluTanhMul)
	s.swigluOAIMul = twoSlicesBy(16, swigluOAIMulAVX512, avx2.swigluOAIMul)
	s.sigmoid = oneSlice(16, sigmoidAVX512, avx2.sigmoid)
	s.xielu = xieluOf(16, xieluAVX512, avx2.xielu)
	s.softCap = oneSliceBy(16, capOf(softCapAVX512), avx2.softCap)
	s.stateSpace = stateSpaceOf(16, softplusAVX512, expAVX512, stepStateAVX512, decayRowsAVX512, mulRowsAVX512)
	fixed512 = s
	fixed512.fixed, fixed512.addPart, fixed512.softmax = nil, avx2.addPart, avx2.softmax
	fixed512.logSumExp, fixed512.klDivergence = avx2.logSumExp, avx2.klDivergence
	return &s
}()

var fixed512 Set
