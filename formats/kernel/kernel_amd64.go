//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// native lists the sets this CPU can run beyond generic, slowest first.
func native() []*Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C {
		return []*Set{avx2}
	}
	return nil
}
