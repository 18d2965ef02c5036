//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// avx2 uses AVX2, FMA and F16C instructions.
var avx2 = &Set{
	Name:         "avx2",
	load:         loadAVX2,
	matmul:       matmulAVX2,
	gemm:         gemmAVX2,
	softmax:      softmaxAVX2,
	logSumExp:    logSumExpAVX2,
	rmsNorm:      rmsNormAVX2,
	siluMul:      siluMulAVX2,
	add:          addAVX2,
	sumSquares:   sumSquaresAVX2,
	klDivergence: klDivergenceAVX2,
	rope:         ropeAVX2,
}

// native lists the sets this CPU can run beyond generic, slowest first.
func native() []*Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C {
		return []*Set{avx2}
	}
	return nil
}
