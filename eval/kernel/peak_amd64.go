//go:build !purego

package kernel

// spinChains is how many vectors a round of the generated loops takes.
const spinChains = 12

var spinsAVX2 = spins{
	int8:  counted(spinInt8AVX2, 32),
	float: counted(spinFloatAVX2, 8),
	bf16:  counted(spinFloatAVX2, 8),
	read:  streamed(readAVX2),
}

var spinsAVX512 = spins{
	int8:  counted(spinInt8AVX512, 64),
	float: counted(spinFloatAVX512, 16),
	bf16:  counted(spinFloatAVX512, 16),
	read:  streamed(readAVX512),
}

// counted makes a generated loop return its operations; vector is the number of products of an instruction.
func counted(spin func(n int), vector int) func(n int) int {
	return func(n int) int {
		spin(max(1, n))
		return 2 * spinChains * vector * max(1, n)
	}
}

func spinBrain(n int) {
	var zeros uint32
	spinBF16(n, &zeros)
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
