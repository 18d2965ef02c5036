// Package kernel multiplies stored weights with activations: matrix products on quantized blocks. Every function
// exists in plain Go (*_generic.go and unpack*.go), which defines its result, and again for instruction sets. A Set is
// the collection for one of them, together with the vector functions of package vec.
//
// types.go has a row for each type of weights; avx2_amd64.go and avx512_amd64.go list the functions of an instruction
// set by type. Everything between, the drivers in product*.go, is plain Go for all architectures. The functions
// themselves are generated (_asm); layout holds what they and plain Go must agree on.
//
// A quantized product follows ggml's CPU path in what it computes: activations are rounded to 8-bit blocks (Q8_0,
// Q8_1, Q8_K: see ActivationForm), codes are multiplied as integers, and each block's integer sum is scaled once in
// float32. All sets have the same integer sums, and for many tokens the same float sums, to the last bit; for a few tokens
// they differ in the order of additions (see Fixed).
//
// BF16 weights are multiplied with activations rounded to BF16, as in ggml; the AVX-512 instruction for them treats
// subnormal numbers as zero. Exact products (ExactFormOf) do not round activations.
//
// Many tokens are multiplied with tiles (tile.go): sixteen weight rows are unpacked once into bytes in the order
// [k/4][row][4], then multiplied with every token. Types differ in how they are unpacked, not in how they are
// multiplied. AVX2 sums pairs of products in 16 bits, so it needs codes below 64, and keeps the sums of four tokens in
// memory. AVX-512 (VNNI) sums bytes in 32 bits, and keeps the sums of eight tokens in registers over all columns
// (product_full.go).
//
// A few tokens do not repay the cost of tiles: each row is read once, as a stream, and multiplied in registers
// (product_rows.go). A block's integer sum becomes float32 while it is still spread over the lanes of a vector. With
// AVX-512 a matrix that stays in memory is repacked for this: sixteen rows are interleaved (repack_layout.go).
package kernel

//go:generate go run ./_asm

import (
	"slices"

	"bitmill/eval/kernel/vec"
	"bitmill/formats"
	"bitmill/formats/cpu"
)

// Set is one implementation of the kernels. Its methods may be called from several goroutines at once.
type Set struct {
	Name string // of its instruction set: cpu.Generic, cpu.AVX2, cpu.AVX512

	fixed bool       // see Fixed
	types *typeTable // nil: products in plain Go
	tileFuncs
	codeFuncs
	loads   *loadFuncs // nil: plain Go rounds activations
	columns columnFuncs
	*vec.Set
}

var generic = &Set{Name: cpu.Generic, codeFuncs: codeFuncsGeneric, Set: vec.For(cpu.Generic)}

// Fixed is the set with sums in one order: its results have the same bits for every instruction set, and a token's do
// not depend on how many others there are. Products of few tokens or with activations rounded to BF16, and softmaxes with
// AVX-512, are slower.
func (s *Set) Fixed() *Set {
	f := *s
	f.fixed, f.Set = true, s.Set.Fixed()
	if s.types != nil {
		types := *s.types
		types[formats.BF16].full, types[formats.BF16].repacked = nil, nil // with an order of their own
		f.types = &types
	}
	return &f
}

// Available lists the sets that this CPU and build can run, slowest first. The first one is always generic.
func Available() []*Set {
	sets := []*Set{generic}
	for _, s := range native {
		if slices.Contains(cpu.Available(), s.Name) {
			sets = append(sets, s)
		}
	}
	return sets
}

// Use returns the set with the given name, or the fastest one for "". It fails if the CPU cannot run it (see
// cpu.Choose).
func Use(name string) (*Set, error) {
	name, err := cpu.Choose(name)
	if err != nil {
		return nil, err
	}
	return named(name), nil
}

// Best returns the set that the environment variable cpu.Env names, or else the fastest one.
func Best() *Set { return named(cpu.Best()) }

// named returns the set for an instruction set that can run here.
func named(name string) *Set {
	for _, s := range native {
		if s.Name == name {
			return s
		}
	}
	return generic
}
