package arch

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// gemma scales the embedding by sqrt(width), adds one to the gains of its norms (the converter does so once) and gates
// with GELU (arXiv 2403.08295).
var gemma = family{
	Type: "gemma", Arch: "gemma",
	Context: 8192, HeadDim: 256, KVHeads: 16, Tied: true, Joint: true,
	Layer:         slices.Concat(decoder, qkvBias(attentionBias), outputBias),
	Dropped:       []string{"lm_head.weight"},
	NormAdd:       1,
	Variant:       Variant{Activation: GELUTanh},
	AnyActivation: true, // early config.json files say gelu and mean its approximation
	Config:        func(h *HFConfig, c *Config) error { c.gemma(0, 0); return nil },
	Vocabulary:    gemmaVocabulary,
	Read:          func(r *reader, c *Config) { c.gemma(0, 0) },
	Parameters:    gemmaParameters,
}

// gemmaVocabulary names the end of a turn, which the folders of Gemma do not; the converter takes its id for granted.
func gemmaVocabulary(c *Config, m *gguf.Metadata, t *tokenizer.Tokenizer) {
	const eot, prefix = "tokenizer.ggml.eot_token_id", "tokenizer.ggml.add_space_prefix"
	if text, _, _ := t.Token(107); text == "<end_of_turn>" {
		m.Delete(prefix)
		m.Set(eot, uint32(107))
		m.Set(prefix, false)
	}
}

// gemma sets what the generations of Gemma share. The scale of scores is not 1/sqrt(HeadDim) in the largest model of a
// generation, known by its number of layers, and where the scalar is not HeadDim.
func (c *Config) gemma(scalar float64, largest int) {
	c.Scale.Embedding = math.Sqrt(float64(c.Width))
	if largest > 0 && c.Layers == largest && c.Heads > 0 {
		scalar = float64(c.Width / c.Heads)
	}
	if scalar > 0 && scalar != float64(c.HeadDim) {
		c.Scale.Attention = single(1 / math.Sqrt(scalar))
	}
}

// gemmaParameters are the keys of Gemma and Gemma 2.
func gemmaParameters(h *HFConfig, c *Config, w writer) {
	w.uint("context_length", c.Context)
	w.uint("embedding_length", c.Width)
	w.uint("block_count", c.Layers)
	w.sizes("feed_forward_length", c, ffn)
	w.sizes("attention.head_count", c, queryN)
	w.sizes("attention.head_count_kv", c, keyN)
	w.set("attention.layer_norm_rms_epsilon", c.NormEps)
	w.uint("attention.key_length", c.HeadDim)
	w.uint("attention.value_length", c.HeadDim)
	w.fileType()
}

// sandwich lists a layer's tensors with a norm before and one after each branch.
var sandwich = slices.Concat(without(decoder, "ffn_norm.weight"), []tensorSpec{
	vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
	vector("post_feedforward_layernorm.weight", "post_ffw_norm.weight", width, always),
	vector("pre_feedforward_layernorm.weight", "ffn_norm.weight", width, always),
})

// gemma2 caps scores and logits, and has a window in every other layer (arXiv 2408.00118).
var gemma2 = family{
	Type: "gemma2", Arch: "gemma2",
	Context: 8192, HeadDim: 256, KVHeads: 4, Sliding: 4096, Tied: true, Joint: true,
	Layer:   slices.Concat(sandwich, qkvBias(attentionBias), outputBias),
	Dropped: []string{"lm_head.weight"},
	NormAdd: 1,
	Variant: Variant{Activation: GELUTanh},
	Defaults: func(h *HFConfig) {
		attention, final, scalar := 50.0, 30.0, 256.0
		h.AttentionCap, h.FinalCap, h.QueryScalar = &attention, &final, &scalar
	},
	Config: func(h *HFConfig, c *Config) error {
		c.gemma(or(h.QueryScalar, 0), 0)
		c.Cap = Caps{Attention: or(h.AttentionCap, 0), Logit: or(h.FinalCap, 0)}
		if c.Window = h.window(); c.Window > 0 {
			c.WindowLayers = h.layerTypes(everyNth(2, c.Layers))
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		c.gemma(0, 46)
		c.Cap = Caps{Attention: r.float("attn_logit_softcapping", 50), Logit: r.float("final_logit_softcapping", 30)}
		r.window(c, 2, 4096)
		r.localBase(c)
	},
	Parameters: func(h *HFConfig, c *Config, w writer) {
		gemmaParameters(h, c, w)
		w.float("attn_logit_softcapping", c.Cap.Attention)
		w.float("final_logit_softcapping", c.Cap.Logit)
		w.uint("attention.sliding_window", c.Window)
	},
}

// gemma3 normalizes queries and keys instead of capping scores, has a window in five layers of six, and rotates those
// with a base of their own (arXiv 2503.19786).
var gemma3 = family{
	Type: "gemma3_text", Arch: "gemma3",
	Context: 131072, HeadDim: 256, KVHeads: 4, Sliding: 4096, Tied: true,
	Class:   ClassSizes{Width: 2304, FFN: 9216, Layers: 26, Heads: 8, Vocab: 262208},
	Theta:   1e6,
	Layer:   slices.Concat(sandwich, headNorms, qkvBias(attentionBias), outputBias),
	NormAdd: 1,
	PerKind: true,
	Variant: Variant{Activation: GELUTanh},
	Defaults: func(h *HFConfig) {
		scalar := 256.0
		h.QueryScalar = &scalar
	},
	Only: func(h *HFConfig) error {
		if all, _ := h.Bidirectional.(bool); all {
			return fmt.Errorf("%w: use_bidirectional_attention is true: tokens see later ones, as for embeddings",
				formats.ErrUnsupported)
		}
		return nil
	},
	Config: func(h *HFConfig, c *Config) error {
		c.gemma(or(h.QueryScalar, 0), 0)
		c.Cap.Logit = or(h.FinalCap, 0)
		every := 6
		for _, n := range []*int{h.OldPattern, h.WindowPattern} {
			if n != nil && *n > 0 {
				every = *n
			}
		}
		if c.Window = h.window(); c.Window > 0 {
			c.WindowLayers = h.layerTypes(everyNth(every, c.Layers))
		}
		return c.localRope(h)
	},
	Read: func(r *reader, c *Config) {
		c.gemma(0, 62)
		c.Cap.Logit = r.float("final_logit_softcapping", 0)
		r.window(c, 6, 0)
		r.localRope(c, 10000)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		if c.Cap.Logit != 0 {
			m.Set("gemma3.final_logit_softcapping", float32(c.Cap.Logit))
		}
		if h.WindowPattern == nil || *h.WindowPattern != 1 {
			m.Set("gemma3.attention.sliding_window", uint32(c.Window))
		}
	},
}

// localRope sets the rotary embedding of the layers with a window.
func (c *Config) localRope(h *HFConfig) (err error) {
	c.LocalRope = &Rope{Base: or(h.RopeLocalBase, 10000), Dims: c.HeadDim}
	if p := h.ropeParameters(); p.Sliding != nil {
		local := *p.Sliding
		local.RopeType = cmp.Or(local.RopeType, local.Type, "default")
		*c.LocalRope, err = local.rope(h, &family{Theta: 10000}, c)
	}
	return err
}
