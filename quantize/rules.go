package quantize

import (
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// The recipes of llama-quantize (llama.cpp, src/llama-quant.cpp, snapshot de3ff81), as tables: a format's name and
// number, its default type, and the tensors that get another one. The first rule that applies decides.

var (
	// outputQ6 is the output matrix of most formats.
	outputQ6 = []Rule{
		{Output, falcon, formats.Q8_0},
		{Output, unevenRow, formats.Q8_0},
		{Output, always, formats.Q6_K},
	}
	// outputQ5 is the output matrix of the formats under 3.1 bits per weight.
	outputQ5 = []Rule{
		{Output, falcon, formats.Q8_0},
		{Output, unevenRow, formats.Q8_0},
		{Output, always, formats.Q5_K},
	}
	// mixtral: with eight experts, attention is so small a part that 8 bits cost next to nothing.
	mixtral = []Rule{
		{values | Key, moe8, formats.Q8_0},
	}
)

// tiny are the rules that the formats of the IQ1 and IQ2 families share; better is what sensitive tensors get.
func tiny(better formats.Type) []Rule {
	return []Rule{
		{values, gqa4, formats.Q4_K},
		{values, experts4, formats.Q4_K},
		{values, always, better},
		{Key, moe8, formats.Q4_K},
		{Down, first8thSeen, better},
		{Attention, moe8, formats.Q5_K},
		{Embedding, always, better},
	}
}

func recipe(parts ...[]Rule) []Rule { return slices.Concat(parts...) }

var table = []Format{
	{"F32", gguf.FileTypeF32, formats.F32, nil},
	{"BF16", gguf.FileTypeBF16, formats.BF16, nil},
	{"F16", gguf.FileTypeF16, formats.F16, nil},
	{"Q8_0", 7, formats.Q8_0, mixtral},
	{"Q6_K", 18, formats.Q6_K, recipe(outputQ6, mixtral)},
	{"Q5_1", 9, formats.Q5_1, recipe(outputQ6, mixtral)},
	{"Q5_K_M", 17, formats.Q5_K, recipe(outputQ6, mixtral, []Rule{
		{values, moreBits, formats.Q6_K},
		{Down, moreBits, formats.Q6_K},
	})},
	{"Q5_0", 8, formats.Q5_0, recipe(outputQ6, mixtral, []Rule{
		{Down, first8th | withImatrix, formats.Q5_1},
	})},
	{"Q5_K_S", 16, formats.Q5_K, recipe(outputQ6, mixtral)},
	{"Q4_1", 3, formats.Q4_1, recipe(outputQ6, mixtral)},
	{"Q4_K_M", 15, formats.Q4_K, recipe(outputQ6, mixtral, []Rule{
		{values, moreBits, formats.Q6_K},
		{values, shape70B, formats.Q5_K},
		{Down, falcon | first16th, formats.Q6_K},
		{Down, falcon | moreBits, formats.Q5_K},
		{Down, falcon, formats.Q4_K},
		{Down, moreBits, formats.Q6_K},
		{Attention, falcon, formats.Q4_K},
		{Attention, moe8, formats.Q5_K},
	})},
	{"Q4_K_S", 14, formats.Q4_K, recipe(outputQ6, mixtral, []Rule{
		{values, firstFour, formats.Q5_K},
		{values, shape70B, formats.Q5_K},
		{Down, falcon, formats.Q4_K},
		{Down, first8th, formats.Q5_K},
		{Attention, falcon, formats.Q4_K},
		{Attention, moe8, formats.Q5_K},
	})},
	{"Q4_0", 2, formats.Q4_0, recipe(outputQ6, mixtral, []Rule{
		{Down, first8th | withImatrix, formats.Q4_1},
	})},
	{"IQ4_NL", 25, formats.IQ4_NL, recipe(outputQ6, mixtral, []Rule{
		{values, gqa4, formats.Q5_K},
		{Down, first8th | withoutImatrix, formats.Q5_K},
		{Attention, falcon, formats.IQ4_NL},
		{Attention, moe8, formats.Q5_K},
	})},
	{"IQ4_XS", 30, formats.IQ4_XS, recipe(outputQ6, mixtral, []Rule{
		{values, gqa4, formats.Q5_K},
		{Down, first8th | withoutImatrix, formats.Q5_K},
		{Attention, falcon, formats.IQ4_XS},
		{Attention, moe8, formats.Q5_K},
	})},
	{"MXFP4_MOE", gguf.FileTypeMXFP4, formats.MXFP4, []Rule{
		{Output, always, formats.Q8_0},
		{ffn, stacked | bailing3, formats.MXFP4},
		{every, bailing3, formats.Q8_0},
		{every, stacked, formats.MXFP4},
		{every, always, formats.Q8_0},
	}},
	{"Q3_K_L", 13, formats.Q3_K, recipe(outputQ6, mixtral, []Rule{
		{values, always, formats.Q5_K},
		{Down | Attention, falcon, formats.Q4_K},
		{Down, always, formats.Q5_K},
		{Attention, moe8, formats.Q3_K},
		{Attention, always, formats.Q5_K},
	})},
	{"Q3_K_M", 12, formats.Q3_K, recipe(outputQ6, mixtral, []Rule{
		{values, firstTwo, formats.Q5_K},
		{values, shape70B, formats.Q5_K},
		{values, always, formats.Q4_K},
		{Down, first16th, formats.Q5_K},
		{Down, falcon | moreBits, formats.Q4_K},
		{Down | Attention, falcon, formats.Q3_K},
		{Down, always, formats.Q4_K},
		{Attention, moe8, formats.Q5_K},
		{Attention, always, formats.Q4_K},
	})},
	{"IQ3_M", 27, formats.IQ3_S, recipe(outputQ6, mixtral, []Rule{
		{values, shape70B, formats.Q5_K},
		{values, always, formats.Q4_K},
		{Down, first8th, formats.Q4_K},
		{Down, moe8 | moreBits, formats.Q4_K},
		{Attention, falcon, formats.IQ3_S},
		{Attention, moe8, formats.Q5_K},
		{Attention, always, formats.Q4_K},
	})},
	{"IQ3_S", 26, formats.IQ3_S, recipe(outputQ6, mixtral, []Rule{
		{values, gqa4 | shape70B, formats.Q5_K},
		{values, gqa4, formats.Q4_K},
		{Attention, falcon, formats.IQ3_S},
		{Attention, moe8, formats.Q5_K},
	})},
	{"Q3_K_S", 11, formats.Q3_K, recipe(outputQ6, mixtral, []Rule{
		{values, shape70B, formats.Q5_K},
		{Attention, falcon, formats.Q3_K},
		{Attention, moe8, formats.Q5_K},
	})},
	{"IQ3_XS", 22, formats.IQ3_S, recipe(outputQ6, mixtral, []Rule{
		{values, gqa4 | shape70B, formats.Q5_K},
		{values, gqa4, formats.Q4_K},
		{Query | Key, always, formats.IQ3_XXS},
		{Up | Gate, middle, formats.IQ3_XXS},
		{Attention, falcon, formats.IQ3_S},
		{Attention, moe8, formats.Q5_K},
	})},
	{"IQ3_XXS", 23, formats.IQ3_XXS, recipe(outputQ5, mixtral, []Rule{
		{values, gqa4 | shape70B, formats.Q5_K},
		{values, gqa4, formats.Q4_K},
		{values, withoutImatrix, formats.IQ3_S},
		{Query | Key, always, formats.IQ2_S},
		{Down, first8th | withoutImatrix, formats.Q4_K},
		{Down, withoutImatrix, formats.Q3_K},
		{Attention, falcon, formats.IQ3_XXS},
		{Attention, moe8, formats.Q5_K},
		{Attention, always, formats.IQ3_S},
		{Embedding, always, formats.IQ3_S},
	})},
	{"Q2_K", 10, formats.Q2_K, recipe(outputQ6, mixtral, []Rule{
		{values, shape70B, formats.Q5_K},
		{values, gqa4, formats.Q4_K},
		{values, always, formats.Q3_K},
		{Down, always, formats.Q3_K},
		{Attention, falcon, formats.Q2_K},
		{Attention, moe8, formats.Q5_K},
		{Attention, always, formats.Q3_K},
	})},
	{"IQ2_M", 29, formats.IQ2_S, recipe(outputQ5, tiny(formats.IQ3_S), []Rule{
		{Attention, always, formats.IQ3_S},
	})},
	{"Q2_K_S", 21, formats.Q2_K, recipe(outputQ6, mixtral, []Rule{
		{values, gqa4 | shape70B, formats.Q5_K},
		{values, gqa4, formats.Q4_K},
		{Down, first8th, formats.Q4_K},
	})},
	{"IQ2_S", 28, formats.IQ2_XS, recipe(outputQ5, tiny(formats.IQ3_S), []Rule{
		{Attention, always, formats.IQ3_S},
	})},
	{"IQ2_XS", 20, formats.IQ2_XS, recipe(outputQ5, tiny(formats.Q2_K))},
	{"Q2_0", 41, formats.Q2_0, recipe(outputQ6, mixtral, []Rule{
		{Embedding, always, formats.Q4_K},
	})},
	{"IQ2_XXS", 19, formats.IQ2_XXS, recipe(outputQ5, tiny(formats.Q2_K))},
	{"TQ2_0", 37, formats.TQ2_0, recipe(outputQ6, mixtral, []Rule{
		{Embedding, always, formats.Q4_K},
	})},
	{"IQ1_M", 31, formats.IQ1_M, recipe(outputQ5, tiny(formats.Q2_K), []Rule{
		{Attention, always, formats.IQ2_XXS},
	})},
	{"TQ1_0", 36, formats.TQ1_0, recipe(outputQ6, mixtral, []Rule{
		{Embedding, always, formats.Q4_K},
	})},
	{"IQ1_S", 24, formats.IQ1_S, recipe(outputQ5, tiny(formats.Q2_K), []Rule{
		{Attention, always, formats.IQ2_XXS},
	})},
	{"Q1_0", 40, formats.Q1_0, recipe(outputQ6, mixtral)},
}
