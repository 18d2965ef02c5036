//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// native lists the instruction sets beyond Generic that this processor can run, slowest first.
func native() []string {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C {
		return nil
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL || !x.HasAVX512VNNI {
		return []string{AVX2}
	}
	return []string{AVX2, AVX512}
}
