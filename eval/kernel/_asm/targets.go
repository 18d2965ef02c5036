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
	vectors  = "eval/kernel/vec"
	encoders = "quantize/encode"
)

var targets = []target{
	{kernels, "kquant_avx2", tile.EmitSupers},
	{kernels, "legacy_avx2", tile.EmitSmalls},
	{kernels, "float_avx2", tile.FloatAVX2},
	{kernels, "float_avx512", func() { gemm.Product("wideFloat", true, 12, 8, 4, 2, 1) }},
	{kernels, "tile_avx512", wide.Emit},
	{kernels, "bf16_avx512", brain.Emit},
	{kernels, "unpack_avx512", row.EmitFills},
	{kernels, "activation_avx2", activation.Emit},
	{kernels, "activation_avx512", activationwide.Emit},
	{vectors, "vector_avx2", func() { vector.Emit(false) }},
	{vectors, "vector_avx512", func() { vector.Emit(true) }},
	{vectors, "running_avx2", running.Emit},
	{vectors, "running_avx512", runningwide.Emit},
	{kernels, "row_avx2", func() { row.Emit(row.ISA{Name: "AVX2"}) }},
	{kernels, "row_avx512", func() { row.Emit(row.ISA{Name: "AVX512", Wide: true}) }},
	{kernels, "rowcodebook_avx2", func() { row.EmitPoints(row.ISA{Name: "AVX2"}) }},
	{kernels, "signed_avx2", row.Levels},
	{kernels, "packbits_avx512", repack.EmitJoins},
	{kernels, "repack_avx512", repack.EmitProducts},
	{kernels, "repacklegacy_avx512", repack.EmitSmalls},
	{kernels, "repacksigned_avx512", repack.EmitLevels},
	{kernels, "repackunpack_avx512", repack.EmitFills},
	{kernels, "repackunpacksigned_avx512", repack.EmitLevelFills},
	{kernels, "peak_avx", peak.Emit},

	{encoders, "affine_avx2", func() { encode.Affine(machine.AVX2) }},
	{encoders, "affine_avx512", func() { encode.Affine(machine.AVX512) }},
	{encoders, "symmetric_avx2", func() { encode.Symmetric(machine.AVX2) }},
	{encoders, "symmetric_avx512", func() { encode.Symmetric(machine.AVX512) }},
	{encoders, "nonneg_avx2", func() { encode.Nonneg(machine.AVX2) }},
	{encoders, "nonneg_avx512", func() { encode.Nonneg(machine.AVX512) }},
	{encoders, "refine_avx2", func() { encode.Refine(machine.AVX2) }},
	{encoders, "refine_avx512", func() { encode.Refine(machine.AVX512) }},
	{encoders, "rows_avx2", func() { encode.Rows(machine.AVX2) }},
	{encoders, "plain_avx2", func() { encode.Plain(machine.AVX2) }},
	{encoders, "fixed_avx2", func() { encode.Fixed(machine.AVX2) }},
	{encoders, "codebook_avx2", func() { encode.Codebook(machine.AVX2) }},
	{encoders, "codebook_avx512", func() { encode.Codebook(machine.AVX512) }},
	{encoders, "codebooknear_avx2", func() { encode.CodebookNear(machine.AVX2) }},
	{encoders, "iq1_avx2", func() { encode.IQ1(machine.AVX2) }},
	{encoders, "iq1_avx512", func() { encode.IQ1(machine.AVX512) }},
	{encoders, "nonlinear_avx2", func() { encode.Nonlinear(machine.AVX2) }},
	{encoders, "nonlinear_avx512", func() { encode.Nonlinear(machine.AVX512) }},
}
