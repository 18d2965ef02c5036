package oracle

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
)

// role is one tensor of every layer: the GGUF name without "blk.N." and the dimensions in the graph, slowest first.
type role struct {
	name     string
	dims     []int
	optional bool // a bias that some checkpoints have
}

// model is a checkpoint, each tensor of which has a place in the graph.
type model struct {
	config arch.Config
	roles  []role // of one layer; those that the checkpoint has
	layers [][]*checkpoint.Tensor
	embed  *checkpoint.Tensor // [vocab, width]
	norm   *checkpoint.Tensor // [width]
	head   *checkpoint.Tensor // [vocab, width]; embed when tied
	slab   int                // rows of head that go through at once
}

// architectures are the GGUF names for which the graph is known to be right. Mistral models are of architecture llama.
var architectures = map[string]struct {
	headNorm bool // queries and keys are normalised per head
}{
	"llama": {},
	"qwen2": {},
	"qwen3": {headNorm: true},
}

func newModel(c *checkpoint.Checkpoint) (*model, error) {
	if c.ConfigErr != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, c.ConfigErr)
	}
	if c.Planned {
		return nil, fmt.Errorf("%s: %w: there are no weights to compute with; name the model's folder or a GGUF file",
			c.Path, formats.ErrUnsupported)
	}
	k := c.Config
	known, ok := architectures[k.Arch]
	if !ok {
		return nil, fmt.Errorf("%s: %w: the oracle knows %s, not %q", c.Path, formats.ErrUnsupported,
			strings.Join(slices.Sorted(maps.Keys(architectures)), ", "), k.Arch)
	}
	scaled := slices.Contains([]string{"", "linear", "llama3"}, k.Rope.Scaling) && k.Rope.Magnitude == 0
	if !reflect.DeepEqual(k.Variant, arch.Variant{}) || !scaled || k.PerLayer != nil {
		return nil, fmt.Errorf("%s: %w: the oracle has no experts, of RoPE scalings only linear and llama3, and layers of "+
			"one size", c.Path, formats.ErrUnsupported)
	}
	if err := c.Understood(func(string) bool { return true }); err != nil { // finish looks at the tensors
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	m := &model{config: k, slab: slabRows}
	p := places{c: c, used: map[string]bool{"rope_freqs.weight": true}}
	m.embed = p.take("token_embd.weight", []int{k.Vocab, k.Width}, false)
	m.norm = p.take("output_norm.weight", []int{k.Width}, false)
	m.head = p.take("output.weight", []int{k.Vocab, k.Width}, true)
	if m.head == nil {
		m.head = m.embed
	}
	for i := range k.Layers {
		if err := m.addLayer(&p, i, layerRoles(k, known.headNorm)); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Path, err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return m, nil
}

// layerRoles lists the tensors of one layer. Any matrix may have a bias.
func layerRoles(k arch.Config, headNorm bool) []role {
	q, kv := k.Heads*k.HeadDim, k.KVHeads*k.HeadDim
	roles := []role{
		{name: "attn_norm.weight", dims: []int{k.Width}},
		{name: "ffn_norm.weight", dims: []int{k.Width}},
	}
	for _, m := range []struct {
		name    string
		out, in int
	}{
		{"attn_q", q, k.Width}, {"attn_k", kv, k.Width}, {"attn_v", kv, k.Width}, {"attn_output", k.Width, q},
		{"ffn_gate", k.FFN, k.Width}, {"ffn_up", k.FFN, k.Width}, {"ffn_down", k.Width, k.FFN},
	} {
		roles = append(roles, role{name: m.name + ".weight", dims: []int{m.out, m.in}},
			role{name: m.name + ".bias", dims: []int{m.out}, optional: true})
	}
	if headNorm {
		roles = append(roles,
			role{name: "attn_q_norm.weight", dims: []int{k.HeadDim}},
			role{name: "attn_k_norm.weight", dims: []int{k.HeadDim}})
	}
	return roles
}

// addLayer finds the tensors of layer i. All layers must have the same ones: they share one compiled graph.
func (m *model) addLayer(p *places, i int, roles []role) error {
	var have []role
	var tensors []*checkpoint.Tensor
	for _, r := range roles {
		if t := p.take(fmt.Sprintf("blk.%d.%s", i, r.name), r.dims, r.optional); t != nil {
			have, tensors = append(have, r), append(tensors, t)
		}
	}
	if p.err != nil {
		return p.err
	}
	if i > 0 && !slices.EqualFunc(have, m.roles, func(a, b role) bool { return a.name == b.name }) {
		return fmt.Errorf("%w: layer %d has other tensors than layer 0; the oracle needs equal layers",
			formats.ErrUnsupported, i)
	}
	m.roles, m.layers = have, append(m.layers, tensors)
	return nil
}

// places hands out a checkpoint's tensors and remembers which ones: a tensor without a place in the graph means that
// the architecture is another one.
type places struct {
	c    *checkpoint.Checkpoint
	used map[string]bool
	err  error // the first
}

// take finds a tensor and checks its shape. It returns nil if the tensor is optional and missing, or on error.
func (p *places) take(name string, dims []int, optional bool) *checkpoint.Tensor {
	t, ok := p.c.Tensor(name)
	if !ok {
		if !optional && p.err == nil {
			p.err = fmt.Errorf("%w: tensor %s is missing", formats.ErrCorrupt, name)
		}
		return nil
	}
	p.used[name] = true
	if sameShape(t.Shape, dims) {
		return t
	}
	if p.err == nil {
		p.err = fmt.Errorf("%w: tensor %s has shape %v (fastest first), not %v (slowest first)",
			formats.ErrCorrupt, name, t.Shape, dims)
	}
	return nil
}

// sameShape compares a GGUF shape, fastest dimension first, with dimensions slowest first.
func sameShape(shape []int64, dims []int) bool {
	reversed := slices.Clone(dims)
	slices.Reverse(reversed)
	return slices.EqualFunc(shape, reversed, func(a int64, b int) bool { return a == int64(b) })
}

// finish returns the first error, or one that names tensors without a place.
func (p *places) finish() error {
	if p.err != nil {
		return p.err
	}
	var extra []string
	for i := range p.c.Tensors {
		if name := p.c.Tensors[i].Name; !p.used[name] {
			extra = append(extra, name)
		}
	}
	if len(extra) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d tensors have no place in the oracle's graph: %s", formats.ErrUnsupported,
		len(extra), strings.Join(extra[:min(len(extra), 3)], ", "))
}

// slabRows is how many rows of the output matrix are multiplied at once: it bounds the memory of large vocabularies.
const slabRows = 8192

// fits refuses windows whose estimated memory is above limit.
func (m *model) fits(n int, limit int64) error {
	if need := m.estimate(n); need > limit {
		return fmt.Errorf("%w: %s with %d tokens needs about %d MiB, the limit is %d MiB: "+
			"take fewer tokens or a higher limit", ErrTooLarge, describe(m.config), n, need>>20, limit>>20)
	}
	return nil
}

func describe(k arch.Config) string {
	if k.Name != "" {
		return k.Name
	}
	return fmt.Sprintf("%s model, %d layers of width %d", k.Arch, k.Layers, k.Width)
}

// estimate is about the number of bytes that a window of n tokens takes at its peak: one layer's weights and one slab
// of the output matrix in float32, the values between the products, and the logits, twice as Go's collector lets the
// heap grow to that.
func (m *model) estimate(n int) int64 {
	k := m.config
	t := int64(n)
	var weights int64
	for _, r := range m.roles {
		size := int64(1)
		for _, d := range r.dims {
			size *= int64(d)
		}
		weights += size
	}
	rows := int64(min(m.slab, k.Vocab))
	weights += rows * int64(k.Width)
	attention := 3*int64(k.Heads)*t*t + t*int64(4*k.Heads+4*k.KVHeads)*int64(k.HeadDim)
	feedForward := 4 * t * int64(k.FFN)
	masks := 2 * t * t
	between := max(attention, feedForward, t*rows) + 3*t*int64(k.Width) + masks
	return 2 * 4 * (weights + between + t*int64(k.Vocab))
}
