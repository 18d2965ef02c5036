//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// avx2 uses AVX2, FMA and F16C instructions.
var avx2 = func() *Set {
	s := *generic
	s.Name = "avx2"
	s.matmul = matmulAVX2
	return &s
}()

// native lists the sets this CPU can run beyond generic, slowest first.
func native() []*Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C {
		return []*Set{avx2}
	}
	return nil
}
