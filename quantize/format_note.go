package quantize

import (
	"bitmill/quantize/encode"
)

// Note says what a format is for.
type Note struct {
	Use  string // nearly lossless, everyday, small, tiny, trained for it, storage
	Text string // one sentence
}

// Bits are those of the format's default type for each weight. A file has some more, as some tensors have larger types.
func (f *Format) Bits() float64 {
	return 8 * float64(f.Default.BlockBytes()) / float64(f.Default.BlockLen())
}

// Need of an importance matrix.
const (
	ImatrixNeeded = "needed" // there is no such file without
	ImatrixHelps  = "helps"
	ImatrixUnused = "unused"
)

// Imatrix is what an importance matrix is to the format.
func (f *Format) Imatrix() string {
	t := Planned{Role: Down}
	t.Name, t.Type = "blk.0.ffn_down.weight", f.Default
	switch {
	case needsImatrix(&t, f):
		return ImatrixNeeded
	case encode.UsesImportance(f.Default):
		return ImatrixHelps
	}
	return ImatrixUnused
}

// Note returns what the format is for.
func (f *Format) Note() Note {
	const (
		storage  = "storage"
		lossless = "nearly lossless"
		everyday = "everyday"
		small    = "small"
		tiny     = "tiny"
		trained  = "trained for it"
	)
	switch f.Name {
	case "F32":
		return Note{storage, "Every value as it is, in 32 bits."}
	case "BF16":
		return Note{storage, "The range of 32 bits with fewer digits; what most models are published in."}
	case "F16":
		return Note{storage, "More digits than BF16 and a smaller range; large values do not fit."}
	case "Q8_0":
		return Note{lossless, "Eight bits and a scale for 32 values: the safe choice where size does not matter."}
	case "Q6_K":
		return Note{lossless, "Six bits in super-blocks; hard to tell from the source."}
	case "Q5_1", "Q5_0", "Q4_1":
		return Note{everyday, "An older type with blocks of 32, for any multiple of 32; larger than a k-quant as good."}
	case "Q5_K_M", "Q5_K_S":
		return Note{everyday, "Five bits in super-blocks; a good choice when memory suffices for it."}
	case "Q4_K_M":
		return Note{everyday, "Four bits in super-blocks, more for sensitive tensors: where most people begin."}
	case "Q4_K_S":
		return Note{everyday, "Four bits in nearly all tensors."}
	case "Q4_0":
		return Note{everyday, "Four bits and a scale for 32 values; fast on many processors."}
	case "IQ4_NL":
		return Note{everyday, "Four bits on a curved grid in blocks of 32, for rows of any multiple of 32."}
	case "IQ4_XS":
		return Note{everyday, "Four bits on a curved grid in super-blocks: smaller than Q4_K_S and about as good."}
	case "MXFP4_MOE":
		return Note{trained, "Experts in four-bit floats, for models published so (gpt-oss)."}
	case "Q3_K_L", "Q3_K_M":
		return Note{small, "Three bits with more for sensitive tensors; measure before you deploy."}
	case "Q3_K_S":
		return Note{small, "Three bits in nearly all tensors; measure before you deploy."}
	case "IQ3_M", "IQ3_S", "IQ3_XS", "IQ3_XXS":
		return Note{small, "Groups of four values from a codebook: better than Q3_K at its size, slower on processors."}
	case "Q2_K", "Q2_K_S":
		return Note{tiny, "Two bits with a minimum for each sub-block; for large models that fit in no other way."}
	case "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS":
		return Note{tiny, "Groups of eight values from a codebook: better than Q2_K at its size, slower on processors."}
	case "IQ1_M", "IQ1_S":
		return Note{tiny, "Under two bits; only the largest models still answer sensibly."}
	case "TQ2_0", "TQ1_0":
		return Note{trained, "Three values for each weight, for models trained with them (BitNet)."}
	case "Q2_0", "Q1_0":
		return Note{trained, "Few fixed steps, for models trained with them."}
	}
	return Note{}
}
