package main

import (
	"bitmill/eval/kernel/_asm/activation"
	"bitmill/eval/kernel/_asm/activationwide"
	"bitmill/eval/kernel/_asm/brain"
	"bitmill/eval/kernel/_asm/encode"
	"bitmill/eval/kernel/_asm/gemm"
	"bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/_asm/peak"
	"bitmill/eval/kernel/_asm/repack"
	"bitmill/eval/kernel/_asm/row"
	"bitmill/eval/kernel/_asm/running"
	"bitmill/eval/kernel/_asm/runningwide"
	"bitmill/eval/kernel/_asm/tile"
	"bitmill/eval/kernel/_asm/vector"
	"bitmill/eval/kernel/_asm/wide"
)

// target is an assembly file.
type target struct {
	folder, name string
	emit         func()
}

const (
	kernels  = "eval/kernel"
	encoders = "quantize/encode"
)

var targets = []target{
	{kernels, "super_avx2", tile.EmitSupers},
	{kernels, "small_avx2", tile.EmitSmalls},
	{kernels, "float_avx2", tile.FloatAVX2},
	{kernels, "float_avx512", func() { gemm.Product("wideFloat", true, 12, 8, 4, 2, 1) }},
	{kernels, "wide_avx512", wide.Emit},
	{kernels, "brain_avx512", brain.Emit},
	{kernels, "fill_avx512", row.EmitFills},
	{kernels, "load_avx2", activation.Emit},
	{kernels, "load_avx512", activationwide.Emit},
	{kernels, "vector_avx2", func() { vector.Emit(false) }},
	{kernels, "vector_avx512", func() { vector.Emit(true) }},
	{kernels, "running_avx2", running.Emit},
	{kernels, "running_avx512", runningwide.Emit},
	{kernels, "row_avx2", func() { row.Emit(row.ISA{Name: "AVX2"}) }},
	{kernels, "row_avx512", func() { row.Emit(row.ISA{Name: "AVX512", Wide: true}) }},
	{kernels, "points_avx2", func() { row.EmitPoints(row.ISA{Name: "AVX2"}) }},
	{kernels, "levels_avx2", row.Levels},
	{kernels, "join_avx512", repack.EmitJoins},
	{kernels, "strip_avx512", repack.EmitProducts},
	{kernels, "stripsmall_avx512", repack.EmitSmalls},
	{kernels, "striplevels_avx512", repack.EmitLevels},
	{kernels, "unweave_avx512", repack.EmitFills},
	{kernels, "unweavelevels_avx512", repack.EmitLevelFills},
	{kernels, "peak_avx", peak.Emit},

	{encoders, "affine_avx2", func() { encode.Affine(machine.AVX2) }},
	{encoders, "affine_avx512", func() { encode.Affine(machine.AVX512) }},
	{encoders, "symmetric_avx2", func() { encode.Symmetric(machine.AVX2) }},
	{encoders, "symmetric_avx512", func() { encode.Symmetric(machine.AVX512) }},
	{encoders, "positive_avx2", func() { encode.Nonneg(machine.AVX2) }},
	{encoders, "positive_avx512", func() { encode.Nonneg(machine.AVX512) }},
	{encoders, "refine_avx2", func() { encode.Refine(machine.AVX2) }},
	{encoders, "refine_avx512", func() { encode.Refine(machine.AVX512) }},
	{encoders, "rows_avx2", func() { encode.Rows(machine.AVX2) }},
	{encoders, "plain_avx2", func() { encode.Plain(machine.AVX2) }},
	{encoders, "grid_avx2", func() { encode.Fixed(machine.AVX2) }},
	{encoders, "lattice_avx2", func() { encode.Codebook(machine.AVX2) }},
	{encoders, "lattice_avx512", func() { encode.Codebook(machine.AVX512) }},
	{encoders, "latticenear_avx2", func() { encode.CodebookNear(machine.AVX2) }},
	{encoders, "thirds_avx2", func() { encode.IQ1(machine.AVX2) }},
	{encoders, "thirds_avx512", func() { encode.IQ1(machine.AVX512) }},
	{encoders, "uneven_avx2", func() { encode.Nonlinear(machine.AVX2) }},
	{encoders, "uneven_avx512", func() { encode.Nonlinear(machine.AVX512) }},
}
