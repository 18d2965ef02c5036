package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"bitmill/formats"
)

// hfConfig is the part of config.json that matters. Pointers tell an absent or null key from a zero.
type hfConfig struct {
	ModelType     string   `json:"model_type"`
	Architectures []string `json:"architectures"`
	NameOrPath    string   `json:"_name_or_path"`
	TorchDtype    string   `json:"torch_dtype"` // until transformers 4
	Dtype         string   `json:"dtype"`       // since transformers 5

	HiddenSize       *int     `json:"hidden_size"`
	IntermediateSize *int     `json:"intermediate_size"`
	Layers           *int     `json:"num_hidden_layers"`
	Heads            *int     `json:"num_attention_heads"`
	KVHeads          *int     `json:"num_key_value_heads"`
	HeadDim          *int     `json:"head_dim"`
	VocabSize        *int     `json:"vocab_size"`
	MaxPosition      *int     `json:"max_position_embeddings"`
	RMSNormEps       *float64 `json:"rms_norm_eps"`
	HiddenAct        string   `json:"hidden_act"`
	Tied             bool     `json:"tie_word_embeddings"`
	AttentionBias    bool     `json:"attention_bias"`
	MLPBias          bool     `json:"mlp_bias"`

	RopeTheta      *float64        `json:"rope_theta"`      // until transformers 4
	RopeScaling    *ropeParameters `json:"rope_scaling"`    // until transformers 4
	RopeParameters *ropeParameters `json:"rope_parameters"` // since transformers 5
	PartialRotary  *float64        `json:"partial_rotary_factor"`
	OriginalMax    *float64        `json:"original_max_position_embeddings"`

	SlidingWindow    *int     `json:"sliding_window"`
	UseSlidingWindow bool     `json:"use_sliding_window"`
	MaxWindowLayers  *int     `json:"max_window_layers"`
	LayerTypes       []string `json:"layer_types"`

	Quantization json.RawMessage `json:"quantization_config"`
}

// ropeParameters is rope_parameters, or rope_scaling of older files, which has no theta.
type ropeParameters struct {
	Theta       *float64        `json:"rope_theta"`
	RopeType    string          `json:"rope_type"`
	Type        string          `json:"type"` // rope_type before transformers 4.43
	Factor      *float64        `json:"factor"`
	LowFreq     *float64        `json:"low_freq_factor"`
	HighFreq    *float64        `json:"high_freq_factor"`
	OriginalMax *float64        `json:"original_max_position_embeddings"`
	Partial     *float64        `json:"partial_rotary_factor"`
	Full        *ropeParameters `json:"full_attention"` // parameters per kind of layer

	// yarn
	Extrapolation   *float64 `json:"extrapolation_factor"`
	AttentionFactor *float64 `json:"attention_factor"`
	AttnFactor      *float64 `json:"attn_factor"`
	BetaFast        *float64 `json:"beta_fast"`
	BetaSlow        *float64 `json:"beta_slow"`
}

// defaults is a config.json that holds nothing but the family's values for keys whose absence differs from null: an
// absent key leaves them, null clears them.
func (f *family) defaults() *hfConfig {
	h := new(hfConfig)
	value := func(n int) *int { return &n } // of its own: decoding writes through the pointer
	if f.KVHeads > 0 {
		h.KVHeads = value(f.KVHeads)
	}
	if f.Sliding > 0 {
		h.SlidingWindow = value(f.Sliding)
	}
	return h
}

// parseConfig reads config.json and finds its family.
func parseConfig(data []byte) (*hfConfig, *family, error) {
	var head struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", formats.ErrCorrupt, formats.JSONError(err))
	}
	if head.ModelType == "" {
		return nil, nil, fmt.Errorf("%w: there is no model_type", formats.ErrCorrupt)
	}
	f, err := familyOf(head.ModelType)
	if err != nil {
		return nil, nil, err
	}
	h := f.defaults()
	if err := json.Unmarshal(data, h); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", formats.ErrCorrupt, formats.JSONError(err))
	}
	if method := h.quantized(); method != "" {
		return nil, nil, fmt.Errorf("%w: the weights are quantized already (%s); use the model that was made from", formats.ErrUnsupported, method)
	}
	return h, f, nil
}

// quantized names the method of an already quantized checkpoint, or "".
func (h *hfConfig) quantized() string {
	if len(h.Quantization) == 0 || bytes.Equal(h.Quantization, []byte("null")) {
		return ""
	}
	var q struct {
		Method string `json:"quant_method"`
	}
	if json.Unmarshal(h.Quantization, &q) != nil || q.Method == "" {
		return "quantization_config"
	}
	return q.Method
}

// window is sliding_window when it is a positive number, else 0.
func (h *hfConfig) window() int {
	if n := h.SlidingWindow; n != nil && *n > 0 && *n <= math.MaxInt32 {
		return *n
	}
	return 0
}

// config makes the typed Config. The second error says why the model cannot be evaluated.
func (h *hfConfig) config(f *family) (c Config, evaluation, err error) {
	c = Config{Arch: f.Arch, Family: f.Type, Context: f.Context, HeadDim: f.HeadDim, NormEps: 1e-6, Tied: h.Tied}
	for _, k := range []struct {
		key string
		v   *int
		dst *int
	}{
		{"hidden_size", h.HiddenSize, &c.Width}, {"intermediate_size", h.IntermediateSize, &c.FFN},
		{"num_hidden_layers", h.Layers, &c.Layers}, {"num_attention_heads", h.Heads, &c.Heads},
		{"vocab_size", h.VocabSize, &c.Vocab},
	} {
		if k.v == nil {
			return c, nil, fmt.Errorf("%w: there is no %s", formats.ErrCorrupt, k.key)
		}
		*k.dst = *k.v
	}
	c.KVHeads = c.Heads
	if h.KVHeads != nil {
		c.KVHeads = *h.KVHeads
	}
	if h.MaxPosition != nil {
		c.Context = *h.MaxPosition
	}
	if h.RMSNormEps != nil {
		c.NormEps = float32(*h.RMSNormEps)
	}
	switch {
	case h.HeadDim != nil:
		c.HeadDim = *h.HeadDim
	case c.HeadDim == 0 && c.Heads > 0:
		if c.Width%c.Heads != 0 {
			return c, nil, fmt.Errorf("%w: hidden_size %d does not divide by %d heads, and there is no head_dim", formats.ErrCorrupt, c.Width, c.Heads)
		}
		c.HeadDim = c.Width / c.Heads
	}
	evaluation = h.rope(&c)
	c.Rope.Interleaved = f.Interleaved
	if err := c.check(); err != nil {
		return c, nil, err
	}
	if f.Window != nil {
		f.Window(h, &c)
	}
	if act := strings.ToLower(h.HiddenAct); evaluation == nil && act != "" && act != "silu" && act != "swish" {
		evaluation = fmt.Errorf("%w: activation %q", formats.ErrUnsupported, h.HiddenAct)
	}
	return c, evaluation, nil
}

// sourceType is the type config.json promises for the weights; BF16 when it promises none.
func (h *hfConfig) sourceType() (formats.Type, error) {
	name := h.Dtype
	if name == "" {
		name = h.TorchDtype
	}
	switch strings.TrimPrefix(name, "torch.") {
	case "bfloat16", "auto", "":
		return formats.BF16, nil
	case "float16", "half":
		return formats.F16, nil
	case "float32", "float":
		return formats.F32, nil
	}
	return 0, fmt.Errorf("%w: dtype %q", formats.ErrUnsupported, name)
}
