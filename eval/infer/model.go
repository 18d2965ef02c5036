// Package infer is the quantized CPU engine: it runs the blocks of a checkpoint or GGUF file as they are stored, one
// matrix product at a time, without ever expanding the weights.
//
// A Model holds weights only and may be shared. A Runner holds the buffers of a forward pass. Sequences of tokens go
// in as a batch; logits come out for the positions asked for.
package infer

import (
	"fmt"
	"reflect"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/kernel"
)

// Model is a decoder-only transformer, ready to run:
//
//	x = embedding[token]
//	every layer:  x += Wo·attention(rope(Wq·n), rope(Wk·n), Wv·n)   n = rmsnorm(x)
//	              x += Wdown·(silu(Wgate·n) * (Wup·n))              n = rmsnorm(x)
//	logits = Woutput·rmsnorm(x)
//
// Weights lie in the checkpoint's memory map: the checkpoint must outlive the model.
type Model struct {
	Config     checkpoint.Config
	embedding  kernel.Matrix
	layers     []layer
	outputNorm []float32
	output     Linear
	rope       ropeTable
}

type layer struct {
	attnNorm, ffnNorm []float32
	q, k, v, o        Linear
	qNorm, kNorm      []float32 // over one head; nil when the architecture has none
	gate, up, down    Linear
	window            int // how many positions back attention sees, itself included; 0 for all
}

// Linear is one weight matrix with its bias: y = W·x + b.
type Linear struct {
	Name string // GGUF name of the weight
	kernel.Matrix
	bias []float32
	form kernel.Form
}

// Load binds the checkpoint's tensors. It fails with formats.ErrUnsupported when the architecture or a tensor's type
// has no forward pass here.
func Load(c *checkpoint.Checkpoint) (*Model, error) {
	if c.ConfigErr != nil {
		return nil, fmt.Errorf("%s cannot be evaluated: %w", c.Path, c.ConfigErr)
	}
	if !reflect.DeepEqual(c.Config.Variant, checkpoint.Variant{}) {
		return nil, fmt.Errorf("%s cannot be evaluated: %w: the engine does not know its variant", c.Path, formats.ErrUnsupported)
	}
	l := loader{c: c}
	m := &Model{Config: c.Config, rope: ropeTable{config: c.Config.Rope}}
	m.embedding = l.matrix("token_embd.weight", c.Config.Width, c.Config.Vocab)
	m.outputNorm = l.vector("output_norm.weight", c.Config.Width)
	output := "output.weight"
	if _, ok := c.Tensor(output); !ok {
		output = "token_embd.weight" // tied
	}
	m.output = l.linear(output, c.Config.Width, c.Config.Vocab)
	m.layers = make([]layer, c.Config.Layers)
	for i := range m.layers {
		m.layers[i] = l.layer(i)
	}
	if l.err != nil {
		return nil, fmt.Errorf("load %s: %w", c.Path, l.err)
	}
	return m, nil
}

// RoundActivations makes BF16 weights meet activations rounded to BF16, as in llama.cpp: faster, for generating and for
// measuring speed. Without it they meet plain ones, so that a reference is not rounded.
func (m *Model) RoundActivations() {
	for i := range m.layers {
		l := &m.layers[i]
		for _, w := range []*Linear{&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down} {
			w.round()
		}
	}
	m.output.round()
}

func (w *Linear) round() {
	if w.Type == formats.BF16 {
		w.form = kernel.FormBF16
	}
}

// loader reads tensors and keeps the first error, so that the list of tensors reads as a list.
type loader struct {
	c   *checkpoint.Checkpoint
	err error
}

func (l *loader) layer(i int) layer {
	c := l.c.Config
	name := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	r := layer{
		attnNorm: l.vector(name("attn_norm.weight"), c.Width),
		ffnNorm:  l.vector(name("ffn_norm.weight"), c.Width),
		q:        l.linear(name("attn_q.weight"), c.Width, q),
		k:        l.linear(name("attn_k.weight"), c.Width, kv),
		v:        l.linear(name("attn_v.weight"), c.Width, kv),
		o:        l.linear(name("attn_output.weight"), q, c.Width),
		gate:     l.linear(name("ffn_gate.weight"), c.Width, c.FFN),
		up:       l.linear(name("ffn_up.weight"), c.Width, c.FFN),
		down:     l.linear(name("ffn_down.weight"), c.FFN, c.Width),
		qNorm:    l.optional(name("attn_q_norm.weight"), c.HeadDim),
		kNorm:    l.optional(name("attn_k_norm.weight"), c.HeadDim),
	}
	if c.Window > 0 && (c.WindowLayers == nil || c.WindowLayers[i]) {
		r.window = c.Window
	}
	return r
}

func (l *loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *loader) tensor(name string, cols, rows int) *checkpoint.Tensor {
	t, ok := l.c.Tensor(name)
	if !ok {
		l.fail(fmt.Errorf("tensor %s is missing", name))
		return nil
	}
	if t.Cols() != int64(cols) || t.Rows() != int64(rows) {
		l.fail(fmt.Errorf("tensor %s: %w: shape is %v, the configuration wants [%d %d]", name, formats.ErrCorrupt, t.Shape, cols, rows))
		return nil
	}
	return t
}

// matrix takes the tensor's bytes as they lie in the map; rows that the map holds in another order are copied.
func (l *loader) matrix(name string, cols, rows int) kernel.Matrix {
	t := l.tensor(name, cols, rows)
	if t == nil {
		return kernel.Matrix{}
	}
	data := t.Bytes()
	if data == nil {
		size, err := t.Tensor.Bytes()
		if err != nil {
			l.fail(err)
			return kernel.Matrix{}
		}
		data = make([]byte, size)
		if err := t.ReadRows(data, 0, t.Rows()); err != nil {
			l.fail(err)
		}
	}
	return kernel.Matrix{Type: t.Type, Rows: rows, Cols: cols, Data: data}
}

func (l *loader) linear(name string, cols, rows int) Linear {
	r := Linear{Name: name, Matrix: l.matrix(name, cols, rows)}
	if l.err != nil {
		return r
	}
	formOf := kernel.FormOf
	if r.Type == formats.BF16 { // a reference is not rounded
		formOf = kernel.ExactFormOf
	}
	var err error
	if r.form, err = formOf(r.Type); err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
	}
	if name != "token_embd.weight" {
		r.bias = l.optional(name[:len(name)-len("weight")]+"bias", rows)
	}
	return r
}

func (l *loader) vector(name string, n int) []float32 {
	t := l.tensor(name, n, 1)
	if t == nil {
		return nil
	}
	v := make([]float32, n)
	if err := t.Floats(v, 0, 1); err != nil {
		l.fail(err)
	}
	return v
}

func (l *loader) optional(name string, n int) []float32 {
	if _, ok := l.c.Tensor(name); !ok {
		return nil
	}
	return l.vector(name, n)
}
