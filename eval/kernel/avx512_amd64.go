//go:build !purego

package kernel

import (
	"golang.org/x/sys/cpu"

	"bitmill/formats"
)

// avx512 uses the F, BW, DQ, VL and VNNI subsets of AVX-512 beside what avx2 uses.
var avx512 = &Set{
	Name:         "avx512",
	load:         loadAVX512,
	interleave:   interleaveAVX2,
	matmul:       productsAVX512.matmul,
	gemmPanels:   productsAVX512.gemmPanels,
	packPanel:    productsAVX2.packPanel,
	addPart:      addPartAVX512,
	scale:        scaleAVX2,
	softmax:      softmaxAVX512,
	logSumExp:    logSumExpAVX512,
	rmsNorm:      rmsNormAVX2,
	add:          addAVX2,
	addScaled:    addScaledAVX2,
	center:       centerAVX2,
	roundBF16:    roundBF16AVX2,
	sumSquares:   sumSquaresAVX2,
	klDivergence: klDivergenceAVX512,
	rope:         ropeAVX2,
	join:         joinAVX512,
	weavePlain:   weavePlainAVX512,
	weaves: func(t formats.Type) bool {
		return t != formats.BF16 || cpu.X86.HasAVX512BF16
	},
	activations: activationsAVX512,
	spins: func() spins {
		s := spinsAVX512
		if cpu.X86.HasAVX512BF16 {
			s.bf16 = counted(spinBrain, 32)
		}
		return s
	}(),
}

// productsAVX512 makes float tiles as avx2 does and multiplies all with instructions of its own; rows too, where
// the CPU has the Galois field instructions that move bits within bytes, and permutations of bytes (VBMI).
var productsAVX512 = func() *products {
	p := *productsAVX2
	p.wide = wideProducts
	p.strips = stripProducts
	p.float = wideFloat
	if cpu.X86.HasAVX512BF16 {
		p.brain = wideBF16
	}
	if cpu.X86.HasAVX512GFNI && cpu.X86.HasAVX512VBMI {
		p.rows = rowsAVX512
	}
	return &p
}()
