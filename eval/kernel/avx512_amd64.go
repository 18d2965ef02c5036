//go:build !purego

package kernel

import (
	"unsafe"

	x86 "golang.org/x/sys/cpu"

	"bitmill/eval/kernel/layout"
	"bitmill/eval/kernel/vec"
	"bitmill/formats"
	"bitmill/formats/cpu"
)

// native lists the sets beyond generic, slowest first; formats/cpu knows which of them this processor can run.
var native = []*Set{avx2, avx512}

// avx512 uses the F, BW, DQ, VL and VNNI subsets of AVX-512 beside what avx2 uses, and more where the CPU has it.
var avx512 = &Set{
	Name:      cpu.AVX512,
	types:     typesAVX512(),
	tileFuncs: tilesAVX512(),
	codeFuncs: avx2.codeFuncs,
	loads:     loadsAVX512(),
	columns:   columnFuncs{loadColumnsAVX512, multiplyColumnsAVX512},
	Set:       vec.For(cpu.AVX512),
}

func tilesAVX512() tileFuncs {
	f := tilesAVX2
	f.float, f.transpose16 = tileFloatAVX512, transpose16AVX512
	return f
}

// loadsAVX512 leaves blocks of 256 with a NaN or an ambiguous maximum to AVX2, and fewer than eight blocks of 32.
func loadsAVX512() *loadFuncs {
	f := loadsAVX2
	f.q8, f.q8K = loadAllQ8, loadAllQ8K
	return &f
}

func loadAllQ8(codes *int8, int16s *int16, sums *int16, d, s, x *float32, blocks int) {
	whole := blocks &^ 7
	if whole > 0 {
		loadQ8AVX512(codes, int16s, sums, d, s, x, whole/8)
	}
	if whole < blocks {
		loadQ8AVX2(behind(codes, 32*whole), behind(int16s, 32*whole), behind(sums, 2*whole), behind(d, whole),
			behind(s, whole), behind(x, 32*whole), blocks-whole)
	}
}

func loadAllQ8K(codes *int8, sums16, sums32 *int16, d, x *float32, blocks int) {
	for i := 0; i < blocks; i++ {
		left := loadQ8KAVX512(behind(codes, 256*i), behind(sums16, 16*i), behind(sums32, 8*i), behind(d, i),
			behind(x, 256*i), blocks-i)
		if left == 0 {
			return
		}
		i = blocks - left
		loadQ8KAVX2(behind(codes, 256*i), behind(sums16, 16*i), behind(sums32, 8*i), behind(d, i), behind(x, 256*i), 1)
	}
}

// behind returns a pointer to element i of those that p points to the first of; nil for nil.
func behind[T any](p *T, i int) *T {
	if p == nil {
		return nil
	}
	return (*T)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}

func typesAVX512() *typeTable {
	t := typeTable{
		formats.F32: {rows: floatRows(rowF32AVX512)},
		formats.F16: {rows: floatRows(rowF16AVX512)},
		formats.BF16: {
			rows: floatRows(rowBF16AVX512), full: bf16Full(fullBF16AVX512),
			repacked: bf16Repacked(repackedBF16AVX512),
		},

		formats.Q4_0: {
			rows:     legacyRows(rowQ40AVX512, fours),
			full:     legacyFull(fullLegacyAVX512, fillQ40AVX512, layout.Full-layout.OffsetQ4_0),
			repacked: legacyRepacked(repackedQ40AVX512, unpackRepackedQ40AVX512), packBits: packBitsLegacy4AVX512,
		},
		formats.Q4_1: {
			rows: legacyRows(rowQ41AVX512, fours), full: legacyFull(fullLegacyMinsAVX512, fillQ41AVX512, 0),
			repacked: legacyRepacked(repackedQ41AVX512, unpackRepackedQ41AVX512), packBits: packBitsLegacy4AVX512,
		},
		formats.Q5_0: {
			rows:     legacyRows(rowQ50AVX512, fours),
			full:     legacyFull(fullLegacyAVX512, fillQ50AVX512, layout.Full-layout.OffsetQ5_0),
			repacked: legacyRepacked(repackedQ50AVX512, unpackRepackedQ50AVX512), packBits: packBitsLegacy5AVX512,
		},
		formats.Q5_1: {
			rows: legacyRows(rowQ51AVX512, fours), full: legacyFull(fullLegacyMinsAVX512, fillQ51AVX512, 0),
			repacked: legacyRepacked(repackedQ51AVX512, unpackRepackedQ51AVX512), packBits: packBitsLegacy5AVX512,
		},
		formats.Q8_0: {
			rows: legacyRows(rowQ80AVX512, nil), full: legacyFull(fullLegacyAVX512, fillQ80AVX512, 0),
			repacked: legacyRepacked(repackedQ80AVX512, unpackRepackedQ80AVX512),
		},

		formats.Q2_K: {
			rows: kquantRows(rowQ2KAVX512, halves), full: kquantFull(fullQ2KAVX512, fillQ2KAVX512, 0),
			repacked: kquantRepacked(repackedQ2KAVX512, unpackRepackedQ2KAVX512, 0), packBits: packBits2AVX512,
		},
		formats.Q3_K: {
			rows: kquantRows(rowQ3KAVX512, halves), full: kquantFull(fullQ3KAVX512, fillQ3KAVX512, 0),
			repacked: kquantRepacked(repackedQ3KAVX512, unpackRepackedQ3KAVX512, 0), packBits: packBits3AVX512,
		},
		formats.Q4_K: {
			rows: kquantRows(rowQ4KAVX512, nil), full: kquantFull(fullKQuant32AVX512, fillQ4KAVX512, 0),
			repacked: kquantRepacked(repackedQ4KAVX512, unpackRepackedQ4KAVX512, 0), packBits: packBitsQ4KAVX512,
		},
		formats.Q5_K: {
			rows: kquantRows(rowQ5KAVX512, nil), full: kquantFull(fullKQuant32AVX512, fillQ5KAVX512, 0),
			repacked: kquantRepacked(repackedQ5KAVX512, unpackRepackedQ5KAVX512, 15), packBits: packBits5AVX512,
		},
		formats.Q6_K: {
			rows:     kquantRows(rowQ6KAVX512, nil),
			full:     kquantFull(fullQ6KAVX512, fillQ6KAVX512, layout.Full-layout.OffsetQ6_K),
			repacked: kquantRepacked(repackedQ6KAVX512, unpackRepackedQ6KAVX512, 0), packBits: packBits6AVX512,
		},

		formats.IQ4_NL: {
			rows: legacyRows(rowIQ4NLAVX512, fours), full: signedFull(fullLegacyAVX512),
			repacked: legacyRepacked(repackedIQ4NLAVX512, unpackRepackedIQ4NLAVX512), packBits: packBitsLegacy4AVX512,
		},
		formats.MXFP4: {
			rows: legacyRows(rowMXFP4AVX512, fours), full: signedFull(fullLegacyAVX512),
			repacked: legacyRepacked(repackedMXFP4AVX512, unpackRepackedMXFP4AVX512), packBits: packBitsLegacy4AVX512,
		},
		formats.NVFP4: {rows: block64Rows(rowNVFP4AVX512), full: signedFull(fullLegacy16AVX512)},
		formats.Q1_0:  {rows: block64Rows(rowQ1AVX512), full: signedFull(fullLegacyAVX512)},
		formats.Q2_0:  {rows: block64Rows(rowQ2AVX512), full: signedFull(fullLegacyAVX512)},

		formats.IQ4_XS: {
			rows: iq4xsRows(rowIQ4XSAVX512, fours), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned4x8AVX512, unpackRepackedSigned4x8AVX512, false),
			packBits: packBits4AVX512,
		},
		formats.IQ3_S: {
			rows: codebookRows(rowIQ3SAVX2), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned4x8AVX512, unpackRepackedSigned4x8AVX512, false),
			packBits: packBits4AVX512,
		},
		formats.IQ3_XXS: {
			rows: codebookRows(rowIQ3XXSAVX2), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned4x8AVX512, unpackRepackedSigned4x8AVX512, false),
			packBits: packBits4AVX512,
		},
		formats.IQ2_XXS: {
			rows: codebookRows(rowIQ2XXSAVX2), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned3x8AVX512, unpackRepackedSigned3x8AVX512, false),
			packBits: packBits3AVX512,
		},
		formats.IQ2_XS: {
			rows: codebookRows(rowIQ2XSAVX2), full: signedFull(fullSigned16AVX512),
			repacked: signedRepacked(repackedSigned3x16AVX512, unpackRepackedSigned3x16AVX512, false),
			packBits: packBits3AVX512,
		},
		formats.IQ2_S: {
			rows: codebookRows(rowIQ2SAVX2), full: signedFull(fullSigned16AVX512),
			repacked: signedRepacked(repackedSigned3x16AVX512, unpackRepackedSigned3x16AVX512, false),
			packBits: packBits3AVX512,
		},
		formats.IQ1_S: {rows: codebookRows(rowIQ1SAVX2), full: signedFull(fullSigned32AVX512)},
		formats.IQ1_M: {rows: codebookRows(rowIQ1MAVX2), full: signedFull(fullSigned16AVX512)},
		formats.TQ1_0: {
			rows: codebookRows(rowTQ1AVX2), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned2AVX512, unpackRepackedSigned2AVX512, true),
			packBits: packBits2AVX512,
		},
		formats.TQ2_0: {
			rows: codebookRows(rowTQ2AVX2), full: signedFull(fullSigned32AVX512),
			repacked: signedRepacked(repackedSigned2AVX512, unpackRepackedSigned2AVX512, true),
			packBits: packBits2AVX512,
		},
	}
	if !x86.X86.HasAVX512GFNI || !x86.X86.HasAVX512VBMI { // which move bits within bytes and permute bytes
		for i := range t {
			t[i].rows = typesAVX2[i].rows
		}
	}
	if !x86.X86.HasAVX512BF16 {
		t[formats.BF16].full, t[formats.BF16].repacked = nil, nil
	}
	return &t
}

// halves orders the codes of a block of 256 so that runs of 32 from both halves alternate: 0, 128, 32, 160, ...
func halves(codes, from []int8) {
	for i := 0; i < len(from); i += 256 {
		to, from := (*[256]int8)(codes[i:]), (*[256]int8)(from[i:])
		for j := range 4 {
			*(*[32]int8)(to[64*j:]), *(*[32]int8)(to[64*j+32:]) = [32]int8(from[32*j:]), [32]int8(from[128+32*j:])
		}
	}
}

// fours puts sixteen codes of each of four blocks of 32 one after the other, then the other sixteen; the last blocks,
// if fewer than four, stay as they are.
func fours(codes, from []int8) {
	i := 0
	for ; i+128 <= len(from); i += 128 {
		to, from := (*[128]int8)(codes[i:]), (*[128]int8)(from[i:])
		for b := range 4 {
			*(*[16]int8)(to[16*b:]), *(*[16]int8)(to[64+16*b:]) = [16]int8(from[32*b:]), [16]int8(from[32*b+16:])
		}
	}
	copy(codes[i:], from[i:])
}
