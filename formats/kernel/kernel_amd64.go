//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// native lists the sets this CPU can run beyond generic, slowest first.
func native() []*Set {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C {
		return nil
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL || !x.HasAVX512VNNI {
		return []*Set{avx2}
	}
	return []*Set{avx2, avx512}
}
