package main

import (
	"slices"

	"bitmill/eval/kernel/_asm/activation"
	"bitmill/eval/kernel/_asm/encode"
	"bitmill/eval/kernel/_asm/loops"
	"bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/_asm/repack"
	"bitmill/eval/kernel/_asm/row"
	"bitmill/eval/kernel/_asm/tile"
	"bitmill/eval/kernel/_asm/vector"
)

// target is an assembly file.
type target struct {
	folder, name string
	emit         func()
}

const (
	kernels  = "eval/kernel"
	vectors  = "eval/kernel/vec"
	machines = "eval/machine"
	encoders = "quantize/encode"
	solvers  = "quantize/feedback"
)

var targets = slices.Concat([]target{
	{kernels, "kquant_avx2", tile.EmitKQuants},
	{kernels, "legacy_avx2", tile.EmitLegacy},
	{kernels, "float_avx2", tile.EmitFloatAVX2},
	{kernels, "float_avx512", tile.EmitFloatAVX512},
	{kernels, "tile_avx512", tile.EmitAVX512},
	{kernels, "bf16_avx512", tile.EmitBF16},
	{kernels, "columns_avx512", tile.EmitColumns},
	{kernels, "unpack_avx512", row.EmitUnpack},
	{kernels, "activation_avx2", activation.EmitAVX2},
	{kernels, "activation_avx512", activation.EmitAVX512},
	{kernels, "rowcodebook_avx2", row.EmitCodebooks},
	{kernels, "signed_avx2", row.EmitSigned},
	{kernels, "packbits_avx512", repack.EmitPackBits},
	{kernels, "repack_avx512", repack.EmitKQuants},
	{kernels, "repacklegacy_avx512", repack.EmitLegacy},
	{kernels, "repacksigned_avx512", repack.EmitSigned},
	{kernels, "repackunpack_avx512", repack.EmitUnpack},
	{kernels, "repackunpacksigned_avx512", repack.EmitUnpackSigned},
	{machines, "loops_avx", loops.Emit},
	narrow(vectors, "delta", vector.EmitDelta),
	narrow(encoders, "rows", encode.Values),
	narrow(encoders, "plain", encode.Plain),
	narrow(encoders, "fixed", encode.Fixed),
	narrow(encoders, "codebooknear", encode.CodebookNear),
},
	both(vectors, "vector", vector.Emit),
	both(vectors, "running", vector.EmitRunning),
	both(vectors, "statespace", vector.EmitStateSpace),
	both(vectors, "conv", vector.EmitConv),
	both(kernels, "row", row.Emit),
	both(encoders, "affine", encode.Affine),
	both(encoders, "symmetric", encode.Symmetric),
	both(encoders, "nonneg", encode.Nonneg),
	both(encoders, "refine", encode.Refine),
	both(encoders, "codebook", encode.Codebook),
	both(encoders, "iq1", encode.IQ1),
	both(encoders, "nonlinear", encode.Nonlinear),
	both(solvers, "feed", encode.Feed),
	both(solvers, "feedbook8", encode.FeedBook8),
	both(solvers, "feedbook4", encode.FeedBook4),
)

// narrow is the target of functions for vectors of eight, which serve every machine.
func narrow(folder, name string, emit func(machine.Machine)) target {
	return target{folder, name + "_avx2", func() { emit(machine.AVX2) }}
}

// both are the targets of functions for either machine.
func both(folder, name string, emit func(machine.Machine)) []target {
	return []target{narrow(folder, name, emit), {folder, name + "_avx512", func() { emit(machine.AVX512) }}}
}
