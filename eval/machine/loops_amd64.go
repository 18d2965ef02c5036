//go:build !purego

package machine

import (
	x86 "golang.org/x/sys/cpu"

	"bitmill/formats/cpu"
)

// loopsOf returns the loops of an instruction set of package cpu.
func loopsOf(set string) loops {
	switch set {
	case cpu.AVX2:
		float := counted(floatAVX2, 8)
		return loops{int8: counted(int8AVX2, 32), float: float, bf16: float, read: streamed(readAVX2)}
	case cpu.AVX512:
		float := counted(floatAVX512, 16)
		l := loops{int8: counted(int8AVX512, 64), float: float, bf16: float, read: streamed(readAVX512)}
		if x86.X86.HasAVX512BF16 {
			var zeros uint32
			l.bf16 = counted(func(n int) { bf16AVX512(n, &zeros) }, 32)
		}
		return l
	}
	return genericLoops
}

// loopChains is how many instructions a round of the generated loops has: enough to hide their latency.
const loopChains = 12

// counted makes a generated loop return its operations; products is how many an instruction does.
func counted(loop func(n int), products int) func(n int) int {
	return func(n int) int {
		loop(max(1, n))
		return 2 * loopChains * products * max(1, n)
	}
}

// streamed gives what does not fill a round of a generated loop to the generic one.
func streamed(read func(p *byte, n int) uint64) func(p []byte) uint64 {
	return func(p []byte) (sum uint64) {
		whole := len(p) &^ 511
		if whole > 0 {
			sum = read(&p[0], whole)
		}
		return sum + readGeneric(p[whole:])
	}
}
