package arch

// arcee (AFM 4.5B) is llama without gates: its feed-forward layers square what is positive.
var arcee = family{
	Type: "arcee", Arch: "arcee",
	Context:  4096,
	Eps:      1e-5,
	Pooled:   true,
	Layer:    without(llama.Layer, "ffn_gate.weight", "ffn_gate.bias"),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Variant:    Variant{Activation: ReLUSquared},
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}
