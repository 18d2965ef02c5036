// Package cpu tells which instruction sets bitmill has code for and this processor can run, and which one is chosen.
// The kernels of the engine (eval/kernel) and the searches of the encoders (quantize/encode) follow the same choice.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Names of the instruction sets. Generic is plain Go; the others need the CPU features that native tests for.
const (
	Generic = "generic"
	AVX2    = "avx2"   // AVX2, FMA, F16C
	AVX512  = "avx512" // the same and AVX-512 F, BW, DQ, VL, VNNI
)

// Env is the environment variable that forces an instruction set by name.
const Env = "BITMILL_KERNEL"

// Available lists the instruction sets that this processor and build can run, slowest first. Generic is always there.
func Available() []string { return append([]string{Generic}, native()...) }

// Choose returns the named instruction set, or the fastest one for "". The error of a name that cannot run here lists
// those that can.
func Choose(name string) (string, error) {
	sets := Available()
	if name == "" {
		return sets[len(sets)-1], nil
	}
	if !slices.Contains(sets, name) {
		return "", fmt.Errorf("kernel set %q cannot run here; available: %s", name, strings.Join(sets, ", "))
	}
	return name, nil
}

// Best returns the instruction set that Env names, or else the fastest one. It ignores a name that cannot run here:
// Choose(os.Getenv(cpu.Env)) reports it.
func Best() string {
	if name, err := Choose(os.Getenv(Env)); err == nil {
		return name
	}
	name, _ := Choose("")
	return name
}
