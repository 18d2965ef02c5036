package arch

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
)

// gemmaKeys are the keys of config.json that Gemma 3n and 4 have beyond the common ones.
type gemmaKeys struct {
	FullHeadDim    *int                      `json:"global_head_dim"` // of the layers without a window
	FullKVHeads    *int                      `json:"num_global_key_value_heads"`
	PerLayerConfig map[string]map[string]any `json:"per_layer_config"` // since transformers 5.20 instead of those two
	SharedKV       *int                      `json:"num_kv_shared_layers"`
	KeysOnly       bool                      `json:"attention_k_eq_v"`
	DoubleWide     bool                      `json:"use_double_wide_mlp"` // the layers that share keys and values
	Bidirectional  any                       `json:"use_bidirectional_attention"`

	LayerInput      *int `json:"hidden_size_per_layer_input"`
	LayerInputVocab *int `json:"vocab_size_per_layer_input"`

	MoEBlock    bool `json:"enable_moe_block"`
	TopKExperts *int `json:"top_k_experts"`

	AltUpActive *int  `json:"altup_active_idx"`
	AltUpInputs *int  `json:"altup_num_inputs"`
	AltUpScale  *bool `json:"altup_correct_scale"`
	LaurelRank  *int  `json:"laurel_rank"`
	Sparsity    any   `json:"activation_sparsity_pattern"` // a number, or one for each layer
}

// gemma4Only fails for models that GGUF files cannot describe.
func gemma4Only(h *HFConfig) error {
	p := h.ropeParameters()
	for _, r := range []struct {
		kind  string
		p     *ropeParameters
		types []string
	}{{"full_attention", p.Full, []string{"proportional"}}, {"sliding_attention", p.Sliding, []string{"default", ""}}} {
		if r.p != nil && !slices.Contains(r.types, cmp.Or(r.p.RopeType, r.p.Type)) {
			return fmt.Errorf("%w: rope_type %q of the layers of kind %s in model_type %s", formats.ErrUnsupported,
				r.p.RopeType, r.kind, h.ModelType)
		}
	}
	if n, v := h.LayerInputVocab, h.VocabSize; or(h.LayerInput, 0) > 0 && n != nil && v != nil && *n != *v {
		return fmt.Errorf("%w: vocab_size_per_layer_input is %d, vocab_size %d", formats.ErrUnsupported, *n, *v)
	}
	if h.LayerInput != nil && (*h.LayerInput < 0 || *h.LayerInput > maxDim) {
		return fmt.Errorf("%w: hidden_size_per_layer_input is %d", formats.ErrCorrupt, *h.LayerInput)
	}
	if n := or(h.FullHeadDim, 0); n < 0 || n > maxDim {
		return fmt.Errorf("%w: global_head_dim is %d", formats.ErrCorrupt, n)
	}
	_, err := h.fullSizes()
	return err
}

// fullSizes are the head dimension and the number of key-value heads of the layers without a window; 0 for those of the
// others.
func (h *HFConfig) fullSizes() (sizes [2]int, err error) {
	if h.PerLayerConfig == nil {
		sizes[0] = or(h.FullHeadDim, 512)
		if h.KeysOnly {
			sizes[1] = or(h.FullKVHeads, 0)
		}
		return sizes, nil
	}
	windows := h.gemma4Windows()
	first := true
	for i, windowed := range windows {
		own := h.PerLayerConfig[fmt.Sprint(i)]
		if windowed && len(own) == 0 {
			continue
		}
		var s [2]int
		for key, v := range own {
			at := slices.Index([]string{"head_dim", "num_key_value_heads"}, key)
			n, whole := v.(float64)
			if windowed || at < 0 || !whole || n != math.Trunc(n) || n < 1 || n > maxDim {
				return sizes, fmt.Errorf("%w: per_layer_config of layer %d has %s of %v", formats.ErrUnsupported, i, key, v)
			}
			s[at] = int(n)
		}
		if !first && s != sizes {
			return sizes, fmt.Errorf("%w: per_layer_config of layer %d differs from that of other layers without a window",
				formats.ErrUnsupported, i)
		}
		sizes, first = s, false
	}
	return sizes, nil
}

// gemma4Windows marks the layers with a window: all but every sixth and the last.
func (h *HFConfig) gemma4Windows() []bool {
	n := or(h.Layers, 0)
	if n < 1 || n > maxLayers || len(h.LayerTypes) > 0 && len(h.LayerTypes) < n {
		return nil // others tell
	}
	windows := h.layerTypes(everyNth(6, n))
	windows[n-1] = false
	return windows
}

// gemma4Rope sets the rotary embeddings: pairs of a head beyond a part of it do not turn in layers without a window.
func gemma4Rope(h *HFConfig, c *Config) error {
	p, part := h.ropeParameters(), 0.25
	if p.Full != nil {
		part = or(p.Partial, 1)
	}
	local := ropeParameters{}
	if p.Sliding != nil {
		local = *p.Sliding
	}
	sizes, err := h.fullSizes()
	if err != nil {
		return err
	}
	dims := cmp.Or(sizes[0], c.HeadDim)
	turning := int(float64(dims) * part / 2)
	if !(part > 0) || turning < 1 || turning > dims/2 {
		return fmt.Errorf("%w: partial_rotary_factor is %v", formats.ErrCorrupt, part)
	}
	c.Rope = Rope{Base: or(p.Theta, 1e6), Dims: dims, Scaling: "proportional", Factors: make([]float32, dims/2)}
	for i := range c.Rope.Factors {
		c.Rope.Factors[i] = 1
		if i >= turning {
			c.Rope.Factors[i] = 1e30
		}
	}
	c.LocalRope = &Rope{Base: or(local.Theta, 10000), Dims: c.HeadDim}
	return nil
}

// gemma4Config sets what differs from layer to layer, the second embedding and the experts.
func gemma4Config(h *HFConfig, c *Config) error {
	c.gemma(0, 0)
	c.Cap.Logit = or(h.FinalCap, 0)
	c.Window, c.WindowLayers = h.window(), h.gemma4Windows()
	c.LayerInput.Size = or(h.LayerInput, 0)
	c.LayerInput.Vocab = c.Vocab
	if e := c.Experts; !h.MoEBlock {
		c.Experts = nil
	} else if h.NumExperts == nil || h.TopKExperts == nil || h.ExpertFFN == nil {
		return fmt.Errorf("%w: enable_moe_block without num_experts, top_k_experts and moe_intermediate_size",
			formats.ErrCorrupt)
	} else {
		c.Experts = &Experts{Count: *h.NumExperts, Used: *h.TopKExperts, FFN: *h.ExpertFFN, Normalize: e.Normalize}
	}
	full, err := h.fullSizes()
	if shared := or(h.SharedKV, 0); err == nil && len(c.WindowLayers) == c.Layers {
		layers := make([]LayerSizes, c.Layers)
		for i := range layers {
			layers[i] = c.OfLayer(i).sizes()
			if !c.WindowLayers[i] {
				layers[i].HeadDim, layers[i].KVHeads = cmp.Or(full[0], c.HeadDim), cmp.Or(full[1], c.KVHeads)
			}
			if h.DoubleWide && i >= c.Layers-shared {
				layers[i].FFN *= 2
			}
		}
		c.setLayers(layers)
		err = c.setKV(shared, func(i int) bool { return h.KeysOnly && !c.WindowLayers[i] })
	}
	if s, _ := h.Bidirectional.(string); err == nil && s == "all" {
		err = fmt.Errorf("%w: use_bidirectional_attention is %q: tokens see later ones", formats.ErrUnsupported, s)
	}
	return err
}
