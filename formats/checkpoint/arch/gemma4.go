package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// gemma4 (2026) has wider heads, and maybe fewer keys and values, in the layers without a window, every sixth, which
// rotate only a part of each head. Values are normalized without gains. Small models feed a second embedding into every
// layer and let the last layers share keys and values; larger ones use keys as values in the layers without a window;
// one has experts beside the feed-forward layer.
var gemma4 = family{
	Type: "gemma4_text", Arch: "gemma4",
	Context: 131072, HeadDim: 256, KVHeads: 4, Sliding: 512, Tied: true,
	Class:    ClassSizes{Width: 2304, FFN: 9216, Layers: 30, Heads: 8, Vocab: 262144},
	Layer:    gemma4Layer,
	Outside:  layerInputTables,
	PerKind:  true,
	DenseToo: true,
	Variant: Variant{Activation: GELUTanh, ValueNorm: true, Scale: Scales{Attention: 1}, BesideDense: true,
		Experts: &Experts{Normalize: true}},
	Defaults: func(h *HFConfig) { n := 256; h.LayerInput = &n },
	Only:     gemma4Only,
	Rope:     gemma4Rope,
	Config:   gemma4Config,
	Read:     readGemma4,
	Metadata: gemma4Metadata,
	Shown: []string{"<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>",
		"<|\"|>"}, // marks that programs look for in the output
	Vocabulary: gemma4Vocabulary,
}

// gemma4Vocabulary says that every text begins with BOS, and without a space.
func gemma4Vocabulary(c *Config, m *gguf.Metadata, t *tokenizer.Tokenizer) {
	if model, _, _ := m.String("tokenizer.ggml.model"); model == "gemma4" {
		m.Set("tokenizer.ggml.add_space_prefix", false)
		m.Set("tokenizer.ggml.add_bos_token", true)
		t.AddBOS = t.BOS >= 0
	}
}

// gemma4Unified is the same without experts and second embedding, for a model that reads pictures and sound without
// encoders.
var gemma4Unified = func() family {
	f := gemma4
	f.Type, f.Context, f.Sliding, f.Defaults = "gemma4_unified_text", 262144, 1024, nil
	f.Suppresses = true
	return f
}()

// gemma4Layer lists the tensors of a layer.
var gemma4Layer = slices.Concat(inAllLayers(without(sandwich, attentionMatrices...)), sharedKV, layerInputTensors,
	gemma4Experts, []tensorSpec{vector("layer_scalar", "layer_output_scale.weight", one, usual)})

// gemma4Experts lists those of experts beside the feed-forward layer.
var gemma4Experts = []tensorSpec{
	{HF: "router.proj.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
	{HF: "router.scale", GGUF: "ffn_gate_inp.scale", Shape: []dim{width}, In: sparse},
	{HF: "router.per_expert_scale", GGUF: "ffn_down_exps.scale", Shape: []dim{experts}, In: sparse},
	{HF: "experts.gate_up_proj", GGUF: "ffn_gate_up_exps.weight",
		Shape: []dim{experts, twoExpertFFN, width}, In: sparse},
	{HF: "experts.down_proj", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN}, In: sparse},
	{HF: "pre_feedforward_layernorm_2.weight", GGUF: "pre_ffw_norm_2.weight", Shape: []dim{width}, In: sparse},
	{HF: "post_feedforward_layernorm_1.weight", GGUF: "post_ffw_norm_1.weight", Shape: []dim{width}, In: sparse},
	{HF: "post_feedforward_layernorm_2.weight", GGUF: "post_ffw_norm_2.weight", Shape: []dim{width}, In: sparse},
}

// inAllLayers is a table whose rows for dense layers are of all layers.
func inAllLayers(table []tensorSpec) []tensorSpec {
	table = slices.Clone(table)
	for i := range table {
		table[i].In = everywhere
	}
	return table
}
