package infer

import (
	"fmt"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// loader reads tensors and keeps the first error, so that the list of tensors reads as a list.
type loader struct {
	c   *checkpoint.Checkpoint
	err error
}

// layer binds the tensors of layer i; which of them there are says what the layer does.
func (l *loader) layer(i int) layer {
	c := l.c.Config
	blk := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	r := layer{
		attnNorm: l.norm(blk("attn_norm"), c.Width),
		sinks:    l.optional(blk("attn_sinks.weight"), c.Heads),
		ffnPost:  l.norm(blk("post_ffw_norm"), c.Width),
	}
	if c.Latent != nil {
		q = c.Heads * c.Latent.Value
		r.latent = l.latent(blk)
	} else if l.has(blk("attn_qkv.weight")) {
		parts := l.fused(blk("attn_qkv.weight"), c.Width, q, kv, kv)
		r.q, r.k, r.v = parts[0], parts[1], parts[2]
	} else {
		r.q = l.linear(blk("attn_q.weight"), c.Width, q)
		r.k = l.linear(blk("attn_k.weight"), c.Width, kv)
		r.v = l.linear(blk("attn_v.weight"), c.Width, kv)
	}
	r.o = l.linear(blk("attn_output.weight"), q, c.Width)
	r.qNorm, r.qRows = l.headNorm(blk("attn_q_norm.weight"), c.Heads)
	r.kNorm, r.kRows = l.headNorm(blk("attn_k_norm.weight"), c.KVHeads)
	if c.FFNNorm == "" {
		r.ffnNorm, r.attnPost = l.norm(blk("ffn_norm"), c.Width), l.norm(blk("post_attention_norm"), c.Width)
	} else {
		r.ffnNorm = l.norm(blk(c.FFNNorm), c.Width)
	}
	if c.ExpertLayer(i) {
		r.experts = l.experts(blk)
	} else {
		r.feedForward = l.feedForward(blk, "", c.FFN)
	}
	if c.Windowed(i) {
		r.window = c.Window
	}
	r.rope = ropeKind(&c, i)
	return r
}

// feedForward binds the matrices of a feed-forward layer, whose names end in suffix. Gate and up may lie in one tensor,
// the gate first; some layers have no gate.
func (l *loader) feedForward(blk func(string) string, suffix string, width int) feedForward {
	c := l.c.Config
	name := func(s string) string { return blk(s + suffix + ".weight") }
	f := feedForward{down: l.linear(name("ffn_down"), width, c.Width)}
	up, _ := l.c.Tensor(name("ffn_up"))
	switch {
	case l.has(name("ffn_gate")):
		f.gate, f.up = l.linear(name("ffn_gate"), c.Width, width), l.linear(name("ffn_up"), c.Width, width)
	case up != nil && up.Rows() == 2*int64(width):
		parts := l.fused(name("ffn_up"), c.Width, width, width)
		f.gate, f.up = parts[0], parts[1]
	default:
		f.up = l.linear(name("ffn_up"), c.Width, width)
	}
	return f
}

// experts binds the router, the experts, and the shared expert with its gate.
func (l *loader) experts(blk func(string) string) *experts {
	c, e := l.c.Config, l.c.Config.Experts
	r := &experts{
		router: l.linear(blk("ffn_gate_inp.weight"), c.Width, e.Count),
		list:   make([]feedForward, e.Count),

		correction: l.optional(blk("exp_probs_b.bias"), e.Count),
	}
	for i := range r.list {
		r.list[i] = feedForward{
			gate: l.expert(blk("ffn_gate_exps.weight"), c.Width, e.FFN, i),
			up:   l.expert(blk("ffn_up_exps.weight"), c.Width, e.FFN, i),
			down: l.expert(blk("ffn_down_exps.weight"), e.FFN, c.Width, i),
		}
	}
	if e.Shared > 0 {
		shared := l.feedForward(blk, "_shexp", e.Shared)
		r.shared = &shared
		if l.has(blk("ffn_gate_inp_shexp.weight")) {
			gate := l.linear(blk("ffn_gate_inp_shexp.weight"), c.Width, 1)
			r.sharedGate = &gate
		}
	}
	return r
}

func (l *loader) has(name string) bool {
	_, ok := l.c.Tensor(name)
	return ok
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

// matrix takes the tensor's bytes as they lie in the map, or of a stack those of matrix i of n; rows that the map holds
// in another order are copied.
func (l *loader) matrix(name string, cols, rows, i, n int) kernel.Matrix {
	t := l.tensor(name, cols, rows*n)
	if t == nil {
		return kernel.Matrix{}
	}
	data := t.Matrix(int64(i))
	if n == 1 {
		data = t.Bytes()
	}
	if data == nil {
		size, err := t.Type.RowBytes(t.Cols())
		if err != nil {
			l.fail(err)
			return kernel.Matrix{}
		}
		data = make([]byte, size*int64(rows))
		if err := t.ReadRows(data, int64(i*rows), int64(rows)); err != nil {
			l.fail(err)
		}
	}
	return kernel.Matrix{Type: t.Type, Rows: rows, Cols: cols, Data: data}
}

func (l *loader) linear(name string, cols, rows int) Linear {
	r := Linear{Name: name, Matrix: l.matrix(name, cols, rows, 0, 1)}
	l.form(&r)
	if name != "token_embd.weight" {
		r.bias = l.optional(biasOf(name), rows)
	}
	return r
}

func (l *loader) expert(name string, cols, rows, i int) Linear {
	r := l.stacked(name, cols, rows, i, l.c.Config.Experts.Count)
	r.Routed = true
	return r
}

// stacked binds matrix i of a stack of n.
func (l *loader) stacked(name string, cols, rows, i, n int) Linear {
	r := Linear{Name: name, Expert: i, Experts: n, Matrix: l.matrix(name, cols, rows, i, n)}
	l.form(&r)
	if l.has(biasOf(name)) {
		if t := l.tensor(biasOf(name), rows, n); t != nil {
			r.bias = make([]float32, rows)
			if err := t.Floats(r.bias, int64(i), 1); err != nil {
				l.fail(err)
			}
		}
	}
	return r
}

// fused binds matrices that lie one below the other in one tensor. All but the first are its later parts.
func (l *loader) fused(name string, cols int, rows ...int) []Linear {
	all, sum := make([]Linear, len(rows)), 0
	for _, n := range rows {
		sum += n
	}
	whole := l.linear(name, cols, sum)
	if l.err != nil {
		return all
	}
	size, at := len(whole.Data)/sum, 0
	for i, n := range rows {
		all[i] = whole
		all[i].Rows, all[i].later = n, i > 0
		all[i].Data = whole.Data[at*size : (at+n)*size]
		if whole.bias != nil {
			all[i].bias = whole.bias[at : at+n]
		}
		at += n
	}
	return all
}

// form finds out how a matrix wants its input.
func (l *loader) form(r *Linear) {
	if l.err != nil {
		return
	}
	formOf := kernel.FormOf
	if t, ok := l.c.Tensor(r.Name); r.Type == formats.BF16 || ok && t.Source != t.Name { // a reference is not rounded
		formOf = kernel.ExactFormOf
	}
	var err error
	if r.form, err = formOf(r.Type); err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", r.Name, err))
	}
}

func biasOf(name string) string { return name[:len(name)-len("weight")] + "bias" }

// norm binds a norm by its name without suffix; the zero norm when there is none.
func (l *loader) norm(name string, n int) norm {
	return norm{gain: l.optional(name+".weight", n), bias: l.optional(name+".bias", n)}
}

// headNorm binds the norm of queries or keys: one gain for all heads, or rows of gains for parts of a token's row.
func (l *loader) headNorm(name string, heads int) (gain []float32, rows rowNorm) {
	t, ok := l.c.Tensor(name)
	if !ok {
		return nil, rowNorm{}
	}
	c := l.c.Config
	if t.Cols() == int64(c.HeadDim) && t.Rows() == 1 && c.Norm == checkpoint.RMSNorm {
		return l.vector(name, c.HeadDim), rowNorm{}
	}
	if t.Elements() != int64(heads*c.HeadDim) {
		l.fail(fmt.Errorf("tensor %s: %w: shape is %v for %d heads of %d", name, formats.ErrCorrupt, t.Shape, heads, c.HeadDim))
		return nil, rowNorm{}
	}
	rows = rowNorm{gain: make([]float32, t.Elements()), part: int(t.Cols())}
	if err := t.Floats(rows.gain, 0, t.Rows()); err != nil {
		l.fail(err)
	}
	return nil, rows
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
	if !l.has(name) {
		return nil
	}
	return l.vector(name, n)
}
