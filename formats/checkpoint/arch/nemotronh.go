package arch

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
)

// nemotronH (NVIDIA Nemotron-H, Nemotron Nano 2 and 3, arXiv 2504.03624) has one part in each layer: a state space of
// Mamba 2, attention without positions, or a feed-forward layer without a gate.
var nemotronH = family{
	Type: "nemotron_h", Arch: "nemotron_h",
	Context: 4096, HeadDim: 128, KVHeads: 8, Eps: 1e-5,
	Kinds: nemotronKinds, Recurrent: Mamba, OtherEps: "attention.layer_norm_epsilon",
	Common: nemotronOutside, Stem: "backbone.layers.",
	Permuted: true, Interleaved: true, // though nothing rotates
	Layer:   slices.Concat(nemotronMixers, nemotronFFN),
	Variant: Variant{Activation: ReLUSquared, Single: true},
	Spellings: func(h *HFConfig) {
		if h.spellNemotron(); slices.Contains(slices.Concat(h.LayerTypes, h.BlockTypes), "moe") {
			h.family = &nemotronHMoE
		}
	},
	Config:     (*HFConfig).nemotron,
	Read:       readNemotron,
	Parameters: nemotronParameters,
}

// nemotronHMoE (Nemotron 3 Nano 30B-A3B and Super) has experts beside one that all tokens take. Those of Super read and
// write a latent of the residual stream.
var nemotronHMoE = family{
	Type: "nemotron_h", Arch: "nemotron_h_moe",
	Context: 4096, HeadDim: 128, KVHeads: 8, Eps: 1e-5,
	Kinds: nemotronKinds, Recurrent: Mamba, OtherEps: "attention.layer_norm_epsilon", MoE: true,
	Common: nemotronOutside, Stem: "backbone.layers.",
	Permuted: true, Interleaved: true, // though nothing rotates
	Layer: slices.Concat(nemotronMixers, nemotronFFN, nemotronExperts),
	Variant: Variant{Activation: ReLUSquared, Single: true,
		Experts: &Experts{Count: 8, Used: 2, Gating: Sigmoid, Normalize: true}},
	Spellings:  (*HFConfig).spellNemotron,
	Config:     (*HFConfig).nemotron,
	Read:       readNemotronMoE,
	Parameters: nemotronParameters,
}

// nemotronKeys are the keys of its config.json.
type nemotronKeys struct {
	HybridPattern   string `json:"hybrid_override_pattern"` // a letter for each layer
	OldHeadDim      *int   `json:"attention_head_dim"`
	MLPActivation   string `json:"mlp_hidden_act"`
	LatentExperts   *int   `json:"moe_latent_size"`
	SharedExpertFFN *int   `json:"moe_shared_expert_intermediate_size"`

	epsilons bool // the epsilon of the norms has another name too
}

// nemotronLetters are the kinds of layers in a pattern.
var nemotronLetters = map[rune]string{'M': "mamba", '*': "attention", '-': "mlp", 'E': "moe"}

var nemotronKinds = map[string]Mixer{"mamba": Mamba, "linear_attention": Mamba, "attention": Attention,
	"full_attention": Attention, "mlp": NoMixer, "moe": NoMixer}

var nemotronOutside = renamed(outside, "model.embed_tokens.", "backbone.embeddings.", "model.norm.", "backbone.norm_f.")

var nemotronMixers = slices.Concat(
	[]tensorSpec{{HF: "norm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}}},
	renamed(in(attending, without(decoder, "attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight", "ffn_up.weight",
		"ffn_down.weight")), "self_attn.", "mixer."), stateSpace("mixer."))

var nemotronFFN = []tensorSpec{
	{HF: "mixer.up_proj.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}, In: dense},
	{HF: "mixer.down_proj.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}, In: dense},
	{HF: "mixer.up_proj.bias", GGUF: "ffn_up.bias", Shape: []dim{ffn}, Need: mlpBias, In: dense},
	{HF: "mixer.down_proj.bias", GGUF: "ffn_down.bias", Shape: []dim{fedWidth}, Need: mlpBias, In: dense},
}

var nemotronExperts = []tensorSpec{
	{HF: "mixer.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
	correction("mixer.gate.e_score_correction_bias", experts),
	{HF: "mixer.experts.%d.down_proj.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, expertWidth, expertFFN},
		In: sparse},
	{HF: "mixer.experts.%d.up_proj.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, expertWidth},
		In: sparse},
	{HF: "mixer.shared_experts.up_proj.weight", GGUF: "ffn_up_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
	{HF: "mixer.shared_experts.down_proj.weight", GGUF: "ffn_down_shexp.weight", Shape: []dim{width, sharedFFN},
		In: sparse},
	{HF: "mixer.fc1_latent_proj.weight", GGUF: "ffn_latent_down.weight", Shape: []dim{expertLatent, width}, In: sparse},
	{HF: "mixer.fc2_latent_proj.weight", GGUF: "ffn_latent_up.weight", Shape: []dim{width, expertLatent}, In: sparse},
}

func expertLatent(c *Config) int { return c.Experts.Latent }
func expertWidth(c *Config) int  { return c.Experts.Width(c) }

// fedWidth is the width in layers with a feed-forward layer.
func fedWidth(c *Config) int {
	if c.FFN == 0 {
		return 0
	}
	return c.Width
}

// spellNemotron makes the list of layers of a pattern and reads what other files call otherwise.
func (h *HFConfig) spellNemotron() {
	for _, letter := range h.HybridPattern {
		kind, ok := nemotronLetters[letter]
		if !ok {
			kind = string(letter)
		}
		if len(h.BlockTypes) == 0 {
			h.LayerTypes = append(h.LayerTypes, kind)
		}
	}
	types := h.LayerTypes
	if len(types) == 0 {
		types = h.BlockTypes
	}
	if n := len(types); h.Layers == nil || len(h.BlockTypes) > 0 {
		h.Layers = &n // as in transformers
	}
	if h.HeadDim == nil {
		h.HeadDim = h.OldHeadDim
	}
	if h.epsilons = h.RMSNormEps != nil || h.NormEps != nil; h.NormEpsOld != nil {
		h.RMSNormEps = h.NormEpsOld
	}
	h.ConvBias = h.UseConvBias == nil || *h.UseConvBias
}

// nemotron sets the parts of layers.
func (h *HFConfig) nemotron(c *Config) error {
	types := slices.Concat(h.LayerTypes, h.BlockTypes)
	if len(types) != c.Layers {
		return fmt.Errorf("%w: kinds of %d layers for %d (hybrid_override_pattern, layers_block_type)", formats.ErrCorrupt,
			len(types), c.Layers)
	}
	if c.Experts != nil {
		if err := h.routing(c, Sigmoid); err != nil {
			return err
		}
		e := c.Experts
		set(&e.Latent, h.LatentExperts)
		e.Shared, e.Layers = value(h.SharedExpertFFN, 7688), make([]bool, c.Layers)
		if h.ExpertFFN == nil {
			e.FFN = 7688
		}
	}
	ffn := make([]int, c.Layers)
	for i, kind := range types {
		switch kind {
		case "mlp":
			ffn[i] = c.FFN
		case "moe":
			ffn[i], c.Experts.Layers[i] = c.Experts.FFN, true
		}
	}
	c.setPerLayer(ffn, nil, nil)
	c.RopeLayers, c.Context = make([]bool, c.Layers), 1<<20
	err := h.mixerSpace(c, value(h.NemotronHeads, 128), value(h.NemotronHeadDim, 64), 128, 8)
	if name := strings.ToLower(h.MLPActivation); name != "" && activationNames[name] != ReLUSquared {
		return fmt.Errorf("%w: activation %q in model_type nemotron_h", formats.ErrUnsupported, name)
	}
	return err
}

func readNemotron(r *reader, c *Config) {
	r.stateSpace(c)
	c.RopeLayers, c.Rope.Dims = make([]bool, c.Layers), c.HeadDim
}

// readNemotronMoE tells experts from feed-forward layers by their tensors.
func readNemotronMoE(r *reader, c *Config) {
	readNemotron(r, c)
	r.routing(c, Sigmoid)
	e := c.Experts
	e.Latent, e.Layers = r.int("moe_latent_size", 0), make([]bool, c.Layers)
	for i := range e.Layers {
		_, dense := r.tensor(fmt.Sprintf("blk.%d.ffn_up.weight", i))
		e.Layers[i] = c.OfLayer(i).Mixer == NoMixer && !dense
	}
}

// nemotronParameters writes the keys of the architecture, in the converter's order.
func nemotronParameters(h *HFConfig, c *Config, w writer) {
	each := func(key string, of func(c *Config) int) {
		list := make([]int32, c.Layers)
		for i := range list {
			list[i] = int32(of(c.OfLayer(i)))
		}
		w.set(key, list)
	}
	w.uint("block_count", c.Layers)
	w.uint("context_length", c.Context)
	w.uint("embedding_length", c.Width)
	each("feed_forward_length", ffn)
	heads, dims := value(h.Heads, 1), value(h.HeadDim, 128) // also where no layer has attention
	w.uint("attention.head_count", heads)
	each("attention.head_count_kv", keyN)
	if h.RopeTheta != nil || h.RopeParameters != nil && h.RopeParameters.Theta != nil {
		w.float("rope.freq_base", c.Rope.Base)
	}
	if h.epsilons {
		w.set("attention.layer_norm_rms_epsilon", c.NormEps)
	}
	if h.NormEpsOld != nil {
		w.set("attention.layer_norm_epsilon", c.NormEps)
	}
	if e := c.Experts; e != nil {
		w.uint("expert_count", e.Count)
		w.uint("expert_used_count", e.Used)
		w.uint("expert_group_count", e.Groups)
		w.uint("expert_group_used_count", e.GroupsUsed)
	}
	w.fileType()
	w.uint("vocab_size", c.Vocab)
	w.uint("rope.dimension_count", c.Width/max(1, heads)) // though nothing rotates
	ssmMetadata(c, w.Metadata)
	w.uint("attention.key_length", dims)
	w.uint("attention.value_length", dims)
	if e := c.Experts; e != nil {
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("expert_shared_feed_forward_length", e.Shared)
		w.uint("expert_shared_count", value(h.SharedExperts, 1))
		w.set("expert_weights_norm", e.Normalize)
		w.float("expert_weights_scale", e.Scale)
		if e.Latent > 0 {
			w.uint("moe_latent_size", e.Latent)
		}
	}
}
