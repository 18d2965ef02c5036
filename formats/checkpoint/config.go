package checkpoint

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// Config is what a forward pass needs to know besides the weights.
type Config struct {
	Arch   string // GGUF architecture: llama, qwen2, qwen3
	Family string // Hugging Face model_type: mistral is of architecture llama
	Name   string // general.name

	Layers  int
	Width   int // of the residual stream
	FFN     int // of the feed-forward layer
	Heads   int // query heads
	KVHeads int // key and value heads; Heads/KVHeads query heads share one (GQA)
	HeadDim int
	Vocab   int // rows of the embedding
	Context int // longest sequence the model was made for

	NormEps float32 // of RMSNorm
	Rope    Rope

	Window       int    // sliding window: a token sees itself and Window-1 tokens before it; 0 for all
	WindowLayers []bool // which layers have the window; nil for all, when Window > 0
	Tied         bool   // the embedding serves as output matrix: there is no output.weight
}

// Rope is rotary position embedding. Pair i of a head turns by position * Base^(-2i/Dims) / Factors[i], and with
// linear scaling / Factor.
type Rope struct {
	Base        float64
	Dims        int    // values of a head that turn
	Interleaved bool   // pairs are (2i, 2i+1), as in GGUF files of architecture llama; else (i, i+Dims/2)
	Scaling     string // "", "linear", "llama3"; another is named in ConfigErr

	// Scaling's parameters as config.json gives them. Of a GGUF file with llama3 scaling only Factors is known.
	Factor, LowFreq, HighFreq float64
	OriginalContext           int

	Factors []float32 // per pair, rope_freqs.weight; nil for ones
}

// Metadata keys for what llama.cpp's metadata has no place for. Its converter drops the sliding window of these
// architectures; an artifact of bitmill carries it here.
const (
	WindowKey       = "bitmill.attention.sliding_window"        // u32, Config.Window
	WindowLayersKey = "bitmill.attention.sliding_window_layers" // arr[bool], Config.WindowLayers; absent: all
)

// ExtraMetadata adds the keys that an artifact needs beyond the checkpoint's Metadata so that Open finds the same
// Config in it.
func ExtraMetadata(m *gguf.Metadata, c Config) {
	if c.Window == 0 {
		return
	}
	m.Set(WindowKey, uint32(c.Window))
	if c.WindowLayers != nil {
		m.Set(WindowLayersKey, c.WindowLayers)
	}
}

// limits of a plausible model, so that products of dimensions stay far from overflow and a wrong config.json cannot
// ask for millions of tensors.
const (
	maxLayers = 1 << 12
	maxDim    = 1 << 24
)

// check verifies that the dimensions make a model.
func (c *Config) check() error {
	for _, d := range []struct {
		name   string
		n, max int
	}{
		{"number of layers", c.Layers, maxLayers}, {"width", c.Width, maxDim}, {"feed-forward width", c.FFN, maxDim},
		{"number of heads", c.Heads, maxDim}, {"number of key-value heads", c.KVHeads, maxDim},
		{"head dimension", c.HeadDim, maxDim}, {"vocabulary size", c.Vocab, maxDim},
	} {
		if d.n < 1 || d.n > d.max {
			return fmt.Errorf("%w: the %s is %d", formats.ErrCorrupt, d.name, d.n)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%w: %d heads cannot share %d key-value heads evenly", formats.ErrCorrupt, c.Heads, c.KVHeads)
	case c.Heads*c.HeadDim > maxDim:
		return fmt.Errorf("%w: %d heads of %d values are too wide", formats.ErrCorrupt, c.Heads, c.HeadDim)
	case c.Rope.Dims%2 != 0 || c.Rope.Dims < 0 || c.Rope.Dims > c.HeadDim:
		return fmt.Errorf("%w: %d rotary dimensions in a head of %d", formats.ErrCorrupt, c.Rope.Dims, c.HeadDim)
	case !(c.NormEps >= 0 && c.NormEps < 1):
		return fmt.Errorf("%w: the epsilon of the norms is %v", formats.ErrCorrupt, c.NormEps)
	case c.Rope.Scaling == "linear" && !(c.Rope.Factor > 0):
		return fmt.Errorf("%w: the factor of linear RoPE scaling is %v", formats.ErrCorrupt, c.Rope.Factor)
	case slices.ContainsFunc(c.Rope.Factors, func(f float32) bool { return !(f > 0 && f <= math.MaxFloat32) }):
		return fmt.Errorf("%w: the RoPE scaling gives frequency factors that are not positive numbers", formats.ErrCorrupt)
	case !(c.Rope.Base > 0):
		return fmt.Errorf("%w: the RoPE base is %v", formats.ErrCorrupt, c.Rope.Base)
	case c.Context < 0 || c.Context > math.MaxInt32:
		return fmt.Errorf("%w: the context length is %d", formats.ErrCorrupt, c.Context)
	}
	return nil
}
