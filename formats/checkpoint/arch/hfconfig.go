package arch

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/prequant"
	"bitmill/formats/pyjson"
	"bitmill/formats/tokenizer"
)

// defaults is a config with the family's values for keys whose absence means something else than null: an absent key
// leaves them, null clears them. Inside a wrapper the sizes of the class in transformers are among them.
func (f *family) defaults(wrapper string) *HFConfig {
	h := &HFConfig{Tied: f.Tied, family: f, wrapper: wrapper}
	value := func(n int) *int { return &n } // of its own: decoding writes through the pointer
	if f.KVHeads > 0 {
		h.KVHeads = value(f.KVHeads)
	}
	if f.Sliding > 0 {
		h.SlidingWindow = value(f.Sliding)
	}
	if s := f.Class; wrapper != "" && s.Layers > 0 {
		h.HiddenSize, h.IntermediateSize = value(s.Width), value(s.FFN)
		h.Layers, h.Heads, h.VocabSize = value(s.Layers), value(s.Heads), value(s.Vocab)
	}
	if f.Defaults != nil {
		f.Defaults(h)
	}
	return h
}

// ParseHF reads a config.json and finds its family.
func ParseHF(data []byte) (*HFConfig, error) {
	u, err := unwrap(data)
	if err != nil {
		return nil, err
	}
	f, err := familyOf(u.decoder)
	if err != nil {
		return nil, err
	}
	h := f.defaults(u.wrapper)
	data = u.data
	err = pyjson.Unmarshal(data, h)
	h.readLists(data)
	h.spell()
	if err := h.keep(data, err); err != nil {
		return nil, fmt.Errorf("%w: %v", formats.ErrCorrupt, err)
	}
	scheme, err := prequant.ParseScheme(h.Quantization)
	_ = h.SetScheme(scheme) // tensors may belie it
	h.schemeErr = cmp.Or(err, h.schemeErr)
	return h, nil
}

// spell gives the usual keys the values of those that the family calls otherwise.
func (h *HFConfig) spell() {
	if h.family.Spellings != nil {
		h.family.Spellings(h)
	}
}

// layerTypes marks the layers with a sliding window: those of layer_types, or else those of the pattern.
func (h *HFConfig) layerTypes(pattern []bool) []bool {
	if len(h.LayerTypes) == 0 {
		return pattern
	}
	layers := make([]bool, len(pattern))
	for i := range layers {
		layers[i] = h.LayerTypes[i] == "sliding_attention"
	}
	return layers
}

// experts sets the sizes of experts as config.json names them.
func (h *HFConfig) experts(c *Config) {
	e := *c.Experts
	for _, k := range []struct{ from, to *int }{
		{cmp.Or(h.NumLocalExperts, h.NumExperts), &e.Count}, {h.ExpertsUsed, &e.Used},
		{cmp.Or(h.ExpertFFN, h.IntermediateSize), &e.FFN}, {h.SharedFFN, &e.Shared},
	} {
		if k.from != nil {
			*k.to = *k.from
		}
	}
	if h.NormTopK != nil {
		e.Normalize = *h.NormTopK
	}
	c.Experts = &e
}

// single rounds to float32, as GGUF metadata does.
func single(v float64) float64 { return float64(float32(v)) }

// window is sliding_window when it is a positive number, else 0.
func (h *HFConfig) window() int {
	if n := h.SlidingWindow; n != nil && *n > 0 && *n <= math.MaxInt32 {
		return *n
	}
	return 0
}

// eps is the epsilon of the norms, whichever name it has.
func (h *HFConfig) eps(f *family) float32 {
	otherwise := cmp.Or(f.Eps, 1e-6)
	if f.Variant.Norm == LayerNorm {
		return float32(or(cmp.Or(h.LayerNormEps, h.NormEpsilon, h.NormEpsOld), otherwise))
	}
	return float32(or(cmp.Or(h.RMSNormEps, h.NormEps), otherwise))
}

// Config makes the typed Config. The first error says why the model cannot be evaluated.
func (h *HFConfig) Config() (c Config, evaluation, err error) {
	f := h.family
	if err := h.implausible(); err != nil {
		return c, nil, err
	}
	if f.Only != nil {
		if err := f.Only(h); err != nil {
			return c, nil, err
		}
	}
	c = Config{Arch: f.Arch, Family: f.Type, Context: f.Context, HeadDim: f.HeadDim, NormEps: h.eps(f), Tied: h.Tied,
		Variant: f.Variant}
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
	if h.keepsMTP() {
		c.NextN = h.promised()
	}
	if h.MaxPosition != nil {
		c.Context = *h.MaxPosition
	}
	switch {
	case h.HeadDim != nil:
		c.HeadDim = *h.HeadDim
	case c.HeadDim == 0 && c.Heads > 0:
		if c.Width%c.Heads != 0 && f.Variant.Latent == nil { // latent attention has sizes of its own
			return c, nil, fmt.Errorf("%w: hidden_size %d does not divide by %d heads, and there is no head_dim",
				formats.ErrCorrupt, c.Width, c.Heads)
		}
		c.HeadDim = c.Width / c.Heads
	}
	if c.Layers < 1 || c.Layers > maxLayers {
		return c, nil, c.check()
	}
	if err := h.checkLists(c.Layers); err != nil {
		return c, nil, err
	}
	if err := h.perLayer(&c); err != nil {
		return c, nil, err
	}
	evaluation = cmp.Or(h.mixers(&c), h.rope(f, &c))
	if f.Config != nil {
		evaluation = cmp.Or(evaluation, f.Config(h, &c))
	}
	evaluation = cmp.Or(evaluation, h.untempered(&c))
	if err := c.check(); err != nil {
		return c, nil, err
	}
	return c, cmp.Or(evaluation, h.activation(f, &c)), nil
}

// activation sets an activation beside the usual one of the family, if models of the family have several. It fails for
// all others: GGUF has no key for them.
func (h *HFConfig) activation(f *family, c *Config) error {
	name := strings.ToLower(cmp.Or(h.HiddenActivation, h.HiddenAct, h.ActivationOld))
	act, ok := activationNames[name]
	switch {
	case name == "" || ok && act == f.Variant.Activation || f.AnyActivation:
		return nil
	case ok && slices.Contains(f.Activations, act):
		c.Activation = act
		return nil
	}
	return fmt.Errorf("%w: activation %q in model_type %s", formats.ErrUnsupported, name, f.Type)
}

// Scheme describes how the weights are quantized already, by the claim of config.json or by SetScheme. It fails for a
// claim that bitmill cannot read.
func (h *HFConfig) Scheme() (prequant.Scheme, error) { return h.scheme, h.schemeErr }

// SetScheme sets how the weights are quantized, by their tensors.
func (h *HFConfig) SetScheme(s prequant.Scheme) error {
	h.scheme, h.schemeErr = s, nil
	if h.MXFP4() && !h.family.Packed {
		h.schemeErr = fmt.Errorf("%w: MXFP4 weights in model_type %s; use the model that they were made from",
			formats.ErrUnsupported, h.family.Type)
	}
	return h.schemeErr
}

// MXFP4 reports whether the experts are stored in MXFP4, which artifacts keep.
func (h *HFConfig) MXFP4() bool { return h.scheme.Method == "mxfp4" }

// AlwaysTied reports whether the architecture has no output matrix beside the embedding.
func (h *HFConfig) AlwaysTied() bool { return h.family.Joint }

// TokenizerOptions say what the model makes of the tokenizer in its folder.
func (h *HFConfig) TokenizerOptions(c *Config) tokenizer.FolderOptions {
	return tokenizer.FolderOptions{Rows: c.Vocab, Forced: h.family.Forced, Shown: h.family.Shown}
}

// AddVocabulary sets what the converter adds to the tokenizer's metadata for the family. The ends are the tokens that
// end generation where generation_config.json lists several.
func (h *HFConfig) AddVocabulary(c *Config, m *gguf.Metadata, t *tokenizer.Tokenizer, ends []int) {
	if h.family.Special != nil {
		h.family.Special(h, m, t, ends)
	}
	if h.family.Vocabulary != nil {
		h.family.Vocabulary(c, m, t)
	}
}

// WeightType is the type config.json promises for the weights; BF16 when it promises none.
func (h *HFConfig) WeightType() (formats.Type, error) {
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
