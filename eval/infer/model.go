// Package infer is the quantized CPU engine: it runs the blocks of a checkpoint or GGUF file as they are stored, one
// matrix product at a time, without ever expanding the weights.
//
// A Model holds weights only and may be shared. A Runner holds the buffers of a forward pass. Sequences of tokens go in
// as a batch; logits come out for the positions asked for.
//
// A layer is a list of branches, each with a mixer: attention, a feed-forward layer, experts (branch.go). A new kind of
// layer is a new mixer, bound in loader.layer. If it remembers earlier tokens, its state is its own type.
package infer

import (
	"cmp"
	"fmt"

	"bitmill/eval/kernel"
	"bitmill/eval/machine"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
)

// Model is a decoder-only transformer, ready to run:
//
//	x = embedding[token]
//	every layer:  x += Wo·attention(rope(Wq·n), rope(Wk·n), Wv·n)   n = rmsnorm(x)
//	              x += Wdown·(silu(Wgate·n) * (Wup·n))              n = rmsnorm(x)
//	logits = Woutput·rmsnorm(x)
//
// Architectures differ from this by Config (arch.Variant) and by the tensors they have: norms after a branch,
// norms of queries and keys, sinks, biases, gates, experts.
//
// Weights stay in the checkpoint's memory map. The checkpoint must outlive the model, even after LoadToRAM.
type Model struct {
	Config     arch.Config
	embedding  kernel.Matrix
	opening    layer // runs before the layers; most models have none
	layers     []layer
	closing    layer      // runs behind them
	stateful   []stateful // the layers' mixers with memory, in order
	positions  []float32  // learned, [Config.Positions][Width], added to the embedding; nil: none
	outputNorm norm
	output     Linear
	rope       []*ropeTable
	rounded    bool            // see WithRounding
	bf16Inputs bool            // see WithBF16Inputs
	memory     *machine.Memory // of the matrices; nil: the checkpoint's map
}

// Linear is one weight matrix with its bias: y = scale * W·x + b.
type Linear struct {
	Name string // GGUF name of the weight
	kernel.Matrix
	Expert, Experts int  // matrix Expert of a stack of Experts; 0 of 0: not in a stack
	Routed          bool // each matrix of the stack has its own tokens: experts

	bias   []float32
	scale  float32 // of the product, before the bias; 0: 1
	ranges []rowRange
	form   kernel.ActivationForm
	later  bool // a later part of a fused tensor
	stored bool // the output goes into the state: needed of every token, even if only the last one's logits are wanted
}

// rowRange is a range of rows whose products are multiplied by a factor.
type rowRange struct {
	from, to int
	factor   float32
}

// Load binds the checkpoint's tensors. It fails with formats.ErrUnsupported if the engine has no forward pass for the
// architecture or for the type of a tensor.
func Load(c *checkpoint.Checkpoint) (*Model, error) {
	if c.ConfigErr != nil {
		return nil, fmt.Errorf("%s cannot be evaluated: %w", c.Path, c.ConfigErr)
	}
	m := &Model{Config: c.Config}
	l := loader{c: c, m: m, bound: map[string]bool{}}
	m.embedding = l.matrix("token_embd.weight", c.Config.Width, c.Config.Vocab, 0, 1)
	for _, r := range l.ranges("token_embd.weight") {
		m.Config.Scale.Embedding = float64(r.factor)
	}
	if n := c.Config.Positions; n > 0 {
		m.positions = l.table("position_embd.weight", n, c.Config.Width)
	}
	m.outputNorm = l.norm(cmp.Or(c.Config.OutputNorm, "output_norm"), c.Config.Width)
	output := "output.weight"
	if !l.has(output) {
		output = "token_embd.weight" // tied
	}
	m.output = l.linear(output, c.Config.Width, c.Config.Vocab)
	m.opening, m.closing = l.around()
	m.layers = make([]layer, c.Config.Layers)
	for i := range m.layers {
		m.layers[i] = l.layer(i)
	}
	m.placeStates()
	if l.err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Path, l.err)
	}
	if err := c.Understood(func(name string) bool { return l.bound[name] }); err != nil {
		return nil, fmt.Errorf("%s cannot be evaluated: %w", c.Path, err)
	}
	return m, nil
}

// RoundActivations rounds activations to BF16 for the products with BF16 weights, as llama.cpp does: faster, for
// generating and measuring speed. Without it they stay float32, so that a reference is not rounded.
func (m *Model) RoundActivations() {
	m.each((*Linear).round)
	m.output.round()
}

// WithRounding is the same model with activations rounded as RoundActivations has them. It shares the weights.
func (m *Model) WithRounding() *Model {
	n := *m
	n.rounded, n.memory = true, nil
	return &n
}

// ExactInputs leaves the inputs of all products in float32, whatever the weights' type: it shows what the weights do
// without the rounding of activations that the CPU path adds. Products are slower then.
func (m *Model) ExactInputs() {
	m.each(func(w *Linear) { w.form = kernel.FormF32 })
	m.output.form = kernel.FormF32
}

// WithBF16Inputs is the same model with the inputs of all products rounded to BF16, whatever the weights' type. Its
// divergence from the model is what rounding alone does: the floor under every other divergence. It shares the weights.
func (m *Model) WithBF16Inputs() *Model {
	n := m.WithRounding()
	n.bf16Inputs = true
	return n
}

// formOf is the form of a matrix's input.
func (m *Model) formOf(w *Linear) kernel.ActivationForm {
	if m.rounded && w.Type == formats.BF16 {
		return kernel.FormBF16
	}
	return w.form
}

func (w *Linear) round() {
	if w.Type == formats.BF16 {
		w.form = kernel.FormBF16
	}
}
