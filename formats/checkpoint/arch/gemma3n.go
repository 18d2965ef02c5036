package arch

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// gemma3n (2025) is Gemma 3 with several residual streams (AltUp), a product of low rank beside attention (LAuReL), a
// second embedding that feeds every layer, keys and values that the last layers share, and few active gates in the
// first ones. Values are normalized without gains.
var gemma3n = family{
	Type: "gemma3n_text", Arch: "gemma3n",
	Context: 32768, HeadDim: 256, KVHeads: 2, Sliding: 512, Tied: true,
	Class:    ClassSizes{Width: 2048, FFN: 16384, Layers: 35, Heads: 8, Vocab: 262400},
	Theta:    1e6,
	Layer:    slices.Concat(without(sandwich, attentionMatrices...), sharedKV, layerInputTensors, altUpTensors),
	Outside:  slices.Concat(layerInputTables, altUpTables),
	PerKind:  true,
	Variant:  Variant{Activation: GELUTanh, ValueNorm: true, Scale: Scales{Attention: 1}},
	Defaults: gemma3nDefaults,
	Only: func(h *HFConfig) error {
		if h.AltUpScale != nil && !*h.AltUpScale {
			return fmt.Errorf("%w: altup_correct_scale is false", formats.ErrUnsupported)
		}
		return nil
	},
	Config: func(h *HFConfig, c *Config) error {
		c.gemma(0, 0)
		c.Cap.Logit = or(h.FinalCap, 0)
		if c.Window = h.window(); c.Window > 0 {
			c.WindowLayers = h.layerTypes(everyNth(5, c.Layers))
		}
		c.LayerInput = LayerInput{or(h.LayerInput, 0), or(h.LayerInputVocab, c.Vocab)}
		c.AltUp, c.Laurel = AltUp{or(h.AltUpInputs, 0), or(h.AltUpActive, 0)}, or(h.LaurelRank, 0)
		c.Sparsity = h.sparsity(c.Layers)
		if err := c.localRope(h); err != nil {
			return err
		}
		return c.setKV(or(h.SharedKV, 0), func(int) bool { return false })
	},
	Read:     readGemma3n,
	Metadata: gemma3nMetadata,
}

func gemma3nDefaults(h *HFConfig) {
	cap, input, vocab, active, streams, shared, rank := 30.0, 256, 262144, 0, 4, 15, 64
	h.FinalCap, h.LayerInput, h.LayerInputVocab, h.AltUpActive, h.AltUpInputs = &cap, &input, &vocab, &active, &streams
	h.SharedKV, h.LaurelRank = &shared, &rank
}

// sparsity reads activation_sparsity_pattern as Config.Sparsity. Without it, gates of the first ten layers of more are
// sparse.
func (h *HFConfig) sparsity(layers int) []float64 {
	if layers < 1 || layers > maxLayers {
		return nil // check tells
	}
	parts := make([]float64, layers)
	switch v := h.Sparsity.(type) {
	case []any:
		parts = make([]float64, len(v))
		for i := range v {
			part, ok := v[i].(float64)
			if parts[i] = part; !ok {
				parts[i] = math.NaN()
			}
		}
	case nil:
		for i := range min(10, layers) {
			if layers > 10 {
				parts[i] = 0.95
			}
		}
	default:
		return []float64{}
	}
	for i := range parts {
		parts[i] = quantile(parts[i])
	}
	return parts
}

// gemma3nMetadata adds the keys of Gemma 3n.
func gemma3nMetadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	w := writer{Metadata: m, arch: c.Arch}
	w.each("feed_forward_length", c, ffn)
	if c.Cap.Logit != 0 {
		w.float("final_logit_softcapping", c.Cap.Logit)
	}
	w.uint("attention.sliding_window", c.Window)
	w.uint("altup.active_idx", c.AltUp.Active)
	w.uint("altup.num_inputs", c.AltUp.Streams)
	w.uint("embedding_length_per_layer_input", c.LayerInput.Size)
	w.uint("attention.shared_kv_layers", or(h.SharedKV, 0))
	scales := make([]float32, len(c.Sparsity))
	for i, s := range c.Sparsity {
		scales[i] = float32(s)
	}
	w.set("activation_sparsity_scale", scales)
	w.set("attention.sliding_window_pattern", c.WindowLayers)
}

// readGemma3n reads them. llama.cpp itself takes the sizes of the published models for granted.
func readGemma3n(r *reader, c *Config) {
	c.gemma(0, 0)
	c.Cap.Logit = r.float("final_logit_softcapping", 30)
	r.window(c, 5, 0)
	r.localRope(c, 10000)
	c.LayerInput = LayerInput{r.int("embedding_length_per_layer_input", 256), c.Vocab}
	c.AltUp = AltUp{r.int("altup.num_inputs", 4), r.int("altup.active_idx", 0)}
	c.Laurel = 64
	if t, ok := r.tensor("blk.0.laurel_l.weight"); ok {
		c.Laurel = int(min(t.Rows(), maxDim))
	}
	scales, ok, err := r.m.Floats(r.arch + ".activation_sparsity_scale")
	if r.fail(err); !ok {
		scales = new(HFConfig).sparsity(c.Layers)
	}
	c.Sparsity = scales
	if r.err == nil {
		r.fail(c.setKV(r.int("attention.shared_kv_layers", max(0, c.Layers-20)), r.keysOnly))
	}
}
