package arch

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// Config holds everything that a forward pass needs besides the weights.
type Config struct {
	Arch   string // GGUF architecture: llama, qwen2, qwen3
	Family string // Hugging Face model_type: mistral is of architecture llama
	Name   string // general.name

	Layers  int
	NextN   int // blocks of a GGUF file behind the layers, which predict more tokens than the next; they are left out
	Width   int // of the residual stream
	FFN     int // of the feed-forward layer
	Heads   int // query heads
	KVHeads int // key and value heads; Heads/KVHeads query heads share one (GQA)
	HeadDim int // values of a head
	Vocab   int // rows of the embedding
	Context int // longest sequence that the model was trained for

	Mixer    Mixer
	KV       KV
	PerLayer []LayerSizes // where layers differ in sizes or mixers; nil: all are alike

	XIELU []XIELUParameters // of each layer, where the activation is xIELU; nil in a plan

	NormEps float32 // of the norms
	Rope    Rope

	Window       int    // sliding window: a token sees itself and Window-1 tokens before it; 0 for all
	WindowLayers []bool // which layers have the window; nil for all, when Window > 0
	Tied         bool   // the embedding serves as output matrix: there is no output.weight

	Variant
}

// Rope is rotary position embedding. Pair i of a head is rotated by position * Base^(-2i/Dims) / Factors[i], with
// linear scaling also / Factor, then multiplied by Magnitude.
type Rope struct {
	Base        float64
	Dims        int    // values of a head that are rotated
	Interleaved bool   // pairs are (2i, 2i+1), as in GGUF files of architecture llama; else (i, i+Dims/2)
	Scaling     string // "", "linear", "llama3", "yarn" or "longrope"

	// Scaling's parameters as config.json gives them. Of a GGUF file with llama3 scaling only Factors is known.
	Factor, LowFreq, HighFreq float64
	OriginalContext           int

	Factors     []float32 // per pair; nil for ones
	LongFactors []float32 // longrope: instead of Factors in contexts longer than OriginalContext
	Magnitude   float64   // 0: 1
}

// Metadata keys for facts that have no key in llama.cpp. Its converter drops, for instance, the sliding window of some
// architectures; bitmill's artifacts keep it here.
const (
	WindowKey       = "bitmill.attention.sliding_window"        // u32, Config.Window
	WindowLayersKey = "bitmill.attention.sliding_window_layers" // arr[bool], Config.WindowLayers; absent: all
	RopeLayersKey   = "bitmill.rope.layers"                     // arr[bool], Config.RopeLayers
	EmbeddingKey    = "bitmill.embedding_scale"                 // f32, Config.Scale.Embedding
	ScoreScaleKey   = "bitmill.attention.scale"                 // f32, Config.Scale.Attention
	ByLayerKey      = "bitmill.attention.scale_by_layer"        // bool, Config.Scale.ByLayer
	ActivationKey   = "bitmill.feed_forward.activation"         // str, Config.Activation as transformers calls it
	GatingKey       = "bitmill.expert_gating_func"              // u32, Config.Experts.Gating, as llama.cpp counts them
	NormalizeKey    = "bitmill.expert_weights_norm"             // bool, Config.Experts.Normalize
)

// ExtraMetadata makes the keys that an artifact needs beyond the checkpoint's metadata m for Read to find the same
// Config in it.
func (c *Config) ExtraMetadata(m *gguf.Metadata) *gguf.Metadata {
	noTensors := func(string) (Values, bool) { return nil, false }
	got, _, _ := Read(m, noTensors) // without tensors it fails in the end; the keys are read by then
	extra := new(gguf.Metadata)
	if c.Window != got.Window || !slices.Equal(c.WindowLayers, got.WindowLayers) {
		extra.Set(WindowKey, uint32(c.Window))
		if c.WindowLayers != nil {
			extra.Set(WindowLayersKey, c.WindowLayers)
		}
	}
	if !slices.Equal(c.RopeLayers, got.RopeLayers) {
		extra.Set(RopeLayersKey, c.RopeLayers)
	}
	if float32(c.Scale.Embedding) != float32(got.Scale.Embedding) {
		extra.Set(EmbeddingKey, float32(c.Scale.Embedding))
	}
	if float32(c.Scale.Attention) != float32(got.Scale.Attention) {
		extra.Set(ScoreScaleKey, float32(c.Scale.Attention))
	}
	if c.Scale.ByLayer {
		extra.Set(ByLayerKey, true)
	}
	if c.Activation != got.Activation {
		extra.Set(ActivationKey, activationName(c.Activation))
	}
	if c.Experts != nil && got.Experts != nil && c.Experts.Gating != got.Experts.Gating {
		extra.Set(GatingKey, uint32(c.Experts.Gating.number()))
	}
	if c.Experts != nil && got.Experts != nil && c.Experts.Normalize != got.Experts.Normalize {
		extra.Set(NormalizeKey, c.Experts.Normalize)
	}
	return extra
}

// Limits of a plausible model: products of dimensions stay far from overflow, and a wrong config.json cannot ask for
// millions of tensors.
const (
	maxLayers  = 1 << 12
	maxDim     = 1 << 24
	maxExperts = 1 << 12

	maxMatrices = 1 << 18 // experts of all layers
)

// check verifies that the dimensions make a model.
func (c *Config) check() error {
	for _, d := range []struct {
		name   string
		n, max int
	}{
		{"number of layers", c.Layers, maxLayers}, {"width", c.Width, maxDim}, {"vocabulary size", c.Vocab, maxDim},
	} {
		if d.n < 1 || d.n > d.max {
			return fmt.Errorf("%w: the %s is %d", formats.ErrCorrupt, d.name, d.n)
		}
	}
	switch {
	case !(c.NormEps >= 0 && c.NormEps < 1):
		return fmt.Errorf("%w: the epsilon of the norms is %v", formats.ErrCorrupt, c.NormEps)
	case c.Context < 0 || c.Context > math.MaxInt32:
		return fmt.Errorf("%w: the context length is %d", formats.ErrCorrupt, c.Context)
	case c.WindowLayers != nil && len(c.WindowLayers) != c.Layers || c.RopeLayers != nil && len(c.RopeLayers) != c.Layers:
		return fmt.Errorf("%w: the layers with a window or a rotary embedding are not given for each of %d layers",
			formats.ErrCorrupt, c.Layers)
	}
	for _, s := range []float64{c.Temperature.Scale, c.Scale.Embedding, c.Scale.Attention, c.Scale.Residual, c.Scale.Logit, c.Cap.Attention,
		c.Cap.Logit} {
		if !(s >= 0 && s <= math.MaxFloat32) {
			return fmt.Errorf("%w: a scale or cap of the model is %v", formats.ErrCorrupt, s)
		}
	}
	return cmp.Or(c.checkLayers(), c.checkBeside(), c.Latent.check(c), c.SSM.check(c), c.checkXIELU(),
		c.Experts.check(c.Layers))
}

// check verifies that the rotary embedding fits a head of that many values.
func (r *Rope) check(head int) error {
	bad := func(f float32) bool { return !(f > 0 && f <= math.MaxFloat32) }
	switch {
	case r.Dims%2 != 0 || r.Dims < 0 || r.Dims > head:
		return fmt.Errorf("%w: %d rotary dimensions in a head of %d", formats.ErrCorrupt, r.Dims, head)
	case r.Scaling == "linear" && !(r.Factor > 0):
		return fmt.Errorf("%w: the factor of linear RoPE scaling is %v", formats.ErrCorrupt, r.Factor)
	case slices.ContainsFunc(r.Factors, bad) || slices.ContainsFunc(r.LongFactors, bad):
		return fmt.Errorf("%w: the RoPE scaling gives frequency factors that are not positive numbers", formats.ErrCorrupt)
	case r.Factors != nil && len(r.Factors) != r.Dims/2 || r.LongFactors != nil && len(r.LongFactors) != r.Dims/2:
		return fmt.Errorf("%w: %d and %d RoPE factors for %d rotary dimensions", formats.ErrCorrupt, len(r.Factors),
			len(r.LongFactors), r.Dims)
	case !(r.Base > 0):
		return fmt.Errorf("%w: the RoPE base is %v", formats.ErrCorrupt, r.Base)
	case !(r.Magnitude >= 0 && r.Magnitude <= math.MaxFloat32):
		return fmt.Errorf("%w: the RoPE scaling multiplies by %v", formats.ErrCorrupt, r.Magnitude)
	}
	return nil
}
