// Package kernel multiplies stored blocks with activations, and holds the few vector functions a transformer needs
// beside that. Every function exists in plain Go (the meaning, in *_generic.go and unpack*.go) and may exist again
// for an instruction set; a Set is one such collection.
//
// A quantized product follows ggml's CPU path in what it computes: activations are rounded to 8-bit blocks (Q8_0,
// Q8_1, Q8_K: see ActivationForm), codes are multiplied in integers, and each block's integer sum is scaled once in float32.
// The integer part of a Set equals generic's exactly; the float part differs by the order of additions only.
//
// BF16 weights meet activations rounded to BF16, as in ggml; the AVX-512 instruction for them takes subnormal numbers as
// zero. Exact products (ExactFormOf) round no activations.
//
// SIMD sets share one shape of work (tile.go): sixteen weight rows are unpacked once into bytes ordered
// [k/4][row][4], then multiplied with every token. Formats differ in how they unpack, not in how they multiply. AVX2
// sums pairs of products in 16 bits, so it wants codes below 64, and keeps sums of four tokens in memory; AVX-512 (VNNI)
// sums bytes in 32 bits, and keeps sums of eight tokens in registers over all columns. For few tokens, rows are
// multiplied where they lie (rows.go).
//
// A few tokens (rows.go) do not pay for tiles: each row is read once, as a stream, and multiplied in registers;
// a block's integer sum then becomes floats while it is still spread over the lanes of a vector.
package kernel

//go:generate go run ./_asm

import (
	"slices"

	"bitmill/eval/kernel/vec"
	"bitmill/formats/cpu"
)

// Set is one implementation of the kernels. Its methods may be called from several goroutines at once.
type Set struct {
	Name string // of its instruction set: cpu.Generic, cpu.AVX2, cpu.AVX512

	types *typeTable // nil: products of plain Go
	tileFuncs
	codeFuncs
	loads *loadFuncs // nil: plain Go rounds activations
	*vec.Set
}

var generic = &Set{Name: cpu.Generic, codeFuncs: codeFuncsGeneric, Set: vec.For(cpu.Generic)}

// Available lists the sets this CPU and build can run, slowest first; generic is always there.
func Available() []*Set {
	sets := []*Set{generic}
	for _, s := range native {
		if slices.Contains(cpu.Available(), s.Name) {
			sets = append(sets, s)
		}
	}
	return sets
}

// Use returns the set with the given name; "" means the fastest one (see cpu.Choose).
func Use(name string) (*Set, error) {
	name, err := cpu.Choose(name)
	if err != nil {
		return nil, err
	}
	return named(name), nil
}

// Best returns the set that cpu.Best chooses: the one that the environment names, else the fastest one.
func Best() *Set { return named(cpu.Best()) }

// named returns the set of an instruction set that can run here.
func named(name string) *Set {
	for _, s := range native {
		if s.Name == name {
			return s
		}
	}
	return generic
}
