package arch

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"bitmill/formats"
)

// Variant holds the differences of an architecture from Llama. The forward pass reads it and knows no architecture by
// name; a layer's tensors tell which norms, biases, gates and experts it has. The zero value is Llama.
type Variant struct {
	Norm       Norm
	Activation Activation // of the feed-forward layer
	Parallel   bool       // attention and feed-forward layer read the same norm, and both are added
	FFNNorm    string     // name of the norm before the feed-forward layer; "": ffn_norm
	LateNorms  bool       // norms of single queries and keys come behind RoPE
	OutputNorm string     // name of the norm before the output matrix; "": output_norm
	Taps       int        // of short convolutions
	Loops      int        // how often the layers run, each time with states of their own; 0: once
	LoopNorm   bool       // the output's norm comes between two runs
	Positions  int        // positions with a learned vector, which is added to the embedding; 0: positions are rotated
	Single     bool       // a layer is a mixer or a feed-forward layer, not both

	Scale       Scales
	Cap         Caps
	Temperature Temperature

	LocalRope  *Rope  // of the layers with a window; nil: Rope
	RopeLayers []bool // which layers rotate queries and keys; nil: all

	ValueNorm  bool       // values are normalized, head by head, without gains
	LayerInput LayerInput // of the layers, from a second embedding

	AltUp    AltUp     // of the residual stream
	Laurel   int       // rank of the matrices beside attention; 0: none
	Sparsity []float64 // of a layer's gates only what exceeds mean + Sparsity*deviation counts; -Inf: all, nil: all

	BesideDense bool     // layers with experts also have a feed-forward layer: both have norms of their own
	Experts     *Experts // nil: the feed-forward layers are dense
	Latent      *Latent  // nil: keys and values have matrices of their own
	SSM         *SSM     // of layers of kind Mamba or Delta
}

// Norm is the kind of the norms of the residual stream.
type Norm uint8

const (
	RMSNorm   Norm = iota // x / sqrt(mean(x²) + eps) * gain
	LayerNorm             // (x-mean) / sqrt(variance + eps) * gain + bias, with a bias where there is a tensor
)

// Activation of a feed-forward layer: down·(act(gate·x) * up·x), or down·act(up·x) without a gate.
type Activation uint8

const (
	SiLU        Activation = iota // x / (1+exp(-x))
	GELU                          // x * (1+erf(x/√2)) / 2
	GELUTanh                      // the approximation by tanh
	ReLUSquared                   // max(x, 0)²
	XIELU                         // Config.XIELU has the parameters of each layer
	SwiGLUOAI                     // gate and up are clamped, g / (1+exp(-1.702g)) * (up+1): gpt-oss
)

// activationNames maps hidden_act to the activation.
var activationNames = map[string]Activation{
	"silu": SiLU, "swish": SiLU, "gelu": GELU, "gelu_pytorch_tanh": GELUTanh, "gelu_new": GELUTanh, "gelu_fast": GELUTanh,
	"relu2": ReLUSquared, "xielu": XIELU,
}

// activationName is the first name of an activation, of all in order.
func activationName(a Activation) string {
	for _, name := range slices.Sorted(maps.Keys(activationNames)) {
		if activationNames[name] == a {
			return name
		}
	}
	return ""
}

// SwiGLULimit is the clamp of SwiGLUOAI.
const SwiGLULimit = 7

// Scales are factors; 0 stands for the usual one.
type Scales struct {
	Embedding float64 // of the embedding's rows; 0: 1
	Attention float64 // of scores; 0: 1/sqrt(HeadDim)
	Residual  float64 // of a branch's output; 0: 1
	Logit     float64 // of logits; 0: 1
	ByLayer   bool    // the scores of layer i are divided by i+1 too
}

// Caps are soft caps, cap*tanh(x/cap); 0 for none.
type Caps struct{ Attention, Logit float64 }

// Temperature multiplies a query at position p by 1 + Scale*log(floor(p/Length) + 1). A Scale of 0: none.
type Temperature struct {
	Scale  float64
	Length int
}

// At is the factor at a position.
func (t Temperature) At(pos int) float32 {
	return float32(1 + t.Scale*math.Log(float64(pos/t.Length)+1))
}

// Experts describes feed-forward layers with experts: a router gives every expert a score for each token, the Used best
// ones run, and their outputs are added with weights made from the scores.
type Experts struct {
	Count, Used int
	FFN         int // width of one expert
	Shared      int // width of the expert for all tokens, 0: none; scaled by a sigmoid if it has a gate
	Dense       int // number of layers at the start with a dense feed-forward layer

	Latent int // width of what the experts read and write, between two matrices of the layer; 0: that of the model

	Layers []bool // which layers have experts; nil: all behind the first Dense ones

	Groups, GroupsUsed int // only experts of the best groups are chosen; 0 and 1: no groups

	Gating    Gating
	Normalize bool    // divide the chosen scores by their sum
	Scale     float64 // of the weights; 0: 1
}

// Latent is multi-head latent attention: keys and values of all heads come from one latent of KV values and one
// rotating key of Rope values. HeadDim is KV+Rope, KVHeads 1.
type Latent struct {
	Query             int // rank of the queries' own latent; 0: none
	KV                int
	Nope, Rope, Value int // of a head: values of a key that are not rotated and that are, and of a value
}

func (l *Latent) check(c *Config) error {
	if l == nil {
		return nil
	}
	for _, n := range []int{l.KV, l.Nope, l.Rope, l.Value, l.Query + 1} {
		if n < 1 || n > maxDim/max(1, c.Heads) {
			return fmt.Errorf("%w: latent attention of ranks %d and %d, %d+%d values of keys and %d of values",
				formats.ErrCorrupt, l.Query, l.KV, l.Nope, l.Rope, l.Value)
		}
	}
	if c.HeadDim != l.KV+l.Rope || c.KVHeads != 1 || c.Rope.Dims != l.Rope {
		return fmt.Errorf("%w: latent attention with %d key-value heads of %d values, %d of which rotate", formats.ErrCorrupt,
			c.KVHeads, c.HeadDim, c.Rope.Dims)
	}
	return nil
}

// Gating turns router logits into scores.
type Gating uint8

const (
	SoftmaxAll    Gating = iota // softmax over all experts
	SoftmaxChosen               // the best logits are chosen, softmax over those
	Sigmoid                     // each on its own
	SqrtSoftplus                // sqrt(ln(1 + e^x)), each on its own
)

// Width is the width of what the experts read and write.
func (e *Experts) Width(c *Config) int {
	if e.Latent > 0 {
		return e.Latent
	}
	return c.Width
}

// check verifies that the experts make sense.
func (e *Experts) check(layers int) error {
	switch {
	case e == nil:
		return nil
	case e.Count < 1 || e.Count > maxExperts || e.Used < 1 || e.Used > e.Count:
		return fmt.Errorf("%w: %d of %d experts are used", formats.ErrCorrupt, e.Used, e.Count)
	case e.Count*layers > maxMatrices:
		return fmt.Errorf("%w: %d layers of %d experts", formats.ErrCorrupt, layers, e.Count)
	case e.FFN < 1 || e.FFN > maxDim || e.Shared < 0 || e.Shared > maxDim || e.Latent < 0 || e.Latent > maxDim:
		return fmt.Errorf("%w: experts of width %d beside a shared one of %d", formats.ErrCorrupt, e.FFN, e.Shared)
	case e.Groups > 1 &&
		(e.Count%e.Groups != 0 || e.GroupsUsed < 1 || e.GroupsUsed > e.Groups || e.Used > e.Count/e.Groups*e.GroupsUsed):
		return fmt.Errorf("%w: %d of %d groups of %d experts are used", formats.ErrCorrupt, e.GroupsUsed, e.Groups, e.Count)
	case e.Layers != nil && len(e.Layers) != layers:
		return fmt.Errorf("%w: the layers with experts are given for %d of %d layers", formats.ErrCorrupt, len(e.Layers), layers)
	case e.Dense < 0 || e.Dense > layers:
		return fmt.Errorf("%w: %d dense layers of %d", formats.ErrCorrupt, e.Dense, layers)
	}
	return nil
}

// Windowed reports whether layer i has the sliding window.
func (c *Config) Windowed(i int) bool {
	return c.Window > 0 && (c.WindowLayers == nil || c.WindowLayers[i])
}

// RopeOf is the rotary embedding of layer i, nil when it has none.
func (c *Config) RopeOf(i int) *Rope {
	switch {
	case c.Positions > 0 || c.RopeLayers != nil && !c.RopeLayers[i]:
		return nil
	case c.LocalRope != nil && c.Windowed(i):
		return c.LocalRope
	}
	return &c.Rope
}

// ExpertLayer reports whether layer i has experts.
func (c *Config) ExpertLayer(i int) bool {
	if c.Experts == nil || c.Experts.Layers == nil {
		return c.Experts != nil && i >= c.Experts.Dense
	}
	return i >= len(c.Experts.Layers) || c.Experts.Layers[i]
}

// everyNth marks all layers except every n-th, counted from 1: the windows of an alternating model. With n of 0 it
// marks all.
func everyNth(n, layers int) []bool {
	list := make([]bool, layers)
	for i := range list {
		list[i] = n == 0 || (i+1)%n != 0
	}
	return list
}
