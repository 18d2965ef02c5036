package arch

import "slices"

// ernie4 (ERNIE 4.5 0.3B) is llama that is trained with neighbouring pairs rotated.
var ernie4 = family{
	Type: "ernie4_5", Arch: "ernie4_5",
	Context: 131072, HeadDim: 128, KVHeads: 2, Tied: true,
	Theta:       500000,
	Eps:         1e-5,
	Layer:       slices.Concat(decoder, qkvBias(useBias), withNeed(outputBias, useBias), withNeed(mlpBiases, useBias)),
	Interleaved: true,
	Defaults: func(h *HFConfig) {
		none := false
		h.UseBias = &none
	},
}
