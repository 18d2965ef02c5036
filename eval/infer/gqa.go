package infer

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
)

// gqa is grouped-query attention (arXiv 2305.13245): groups of query heads share a head of keys and values.
type gqa struct {
	attention
	q, k, v, o   Linear // without v the keys are the values, before norm and rotation
	gate         Linear // its output's sigmoids multiply attention's; without weights: none (but see gated)
	qRows, kRows norm   // over more than one head
	sub          norm   // of the input of o
}

// gqa binds the attention of layer i. Queries, keys and values may be one tensor. Twice as many queries are those of a
// gate too.
func (l *loader) gqa(i int, blk func(string) string) *gqa {
	c := l.c.Config.OfLayer(i)
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	g := &gqa{attention: l.attention(i, blk)}
	if l.has(blk("attn_qkv.weight")) {
		parts := l.fused(blk("attn_qkv.weight"), c.Width, q, kv, kv)
		g.q, g.k, g.v = parts[0], parts[1], parts[2]
	} else {
		if t, ok := l.c.Tensor(blk("attn_q.weight")); ok && t.Rows() == 2*int64(q) {
			g.gated = true
		}
		g.q = l.linear(blk("attn_q.weight"), c.Width, q*g.perQuery())
		g.k = l.linear(blk("attn_k.weight"), c.Width, kv)
		if c.KV == arch.OwnKV {
			g.v = l.linear(blk("attn_v.weight"), c.Width, kv)
		}
	}
	if t, ok := l.c.Tensor(blk("attn_gate.weight")); ok && t.Rows() == int64(c.Heads) {
		g.gate = l.linear(t.Name, c.Width, c.Heads)
	} else if ok {
		g.gate = l.linear(t.Name, c.Width, q)
	}
	g.k.stored, g.v.stored = true, true
	g.o = l.linear(blk("attn_output.weight"), q, c.Width)
	g.sub = l.norm(blk("attn_sub_norm"), q)
	g.qNorm, g.qRows = l.headNorm(blk("attn_q_norm.weight"), c.Heads, c.HeadDim)
	g.kNorm, g.kRows = l.headNorm(blk("attn_k_norm.weight"), c.KVHeads, c.HeadDim)
	if c.LateNorms && (g.qRows.gain != nil || g.kRows.gain != nil) {
		l.fail(fmt.Errorf("layer %d: %w: norms over all heads behind RoPE", i, formats.ErrUnsupported))
	}
	return g
}

// attention reads the configuration of layer i.
func (l *loader) attention(i int, blk func(string) string) attention {
	c := l.c.Config.OfLayer(i)
	a := attention{
		heads: c.Heads, kvHeads: c.KVHeads, dims: c.HeadDim,
		sinks: l.optional(blk("attn_sinks.weight"), c.Heads),
		rope:  l.m.ropeOf(c.RopeOf(i)),
		scale: float32(1 / math.Sqrt(float64(c.HeadDim))),
		limit: float32(c.Cap.Attention),

		lateNorms: c.LateNorms,
	}
	if c.Scale.Attention != 0 {
		a.scale = float32(c.Scale.Attention)
	}
	if c.Scale.ByLayer {
		a.scale /= float32(i + 1)
	}
	if c.Windowed(i) {
		a.window = c.Window
	}
	if c.ValueNorm {
		a.vNorm = slices.Repeat([]float32{1}, c.HeadDim)
	}
	return a
}

func (g *gqa) matrices() []*Linear { return []*Linear{&g.q, &g.k, &g.v, &g.gate, &g.o} }

// mix computes keys and values first, and queries only for the rows whose logits are wanted, where nothing but their
// keys and values is needed of the others.
func (g *gqa) mix(p *pass) {
	in := p.input(&g.q, &g.k, &g.v, &g.gate)
	n, late := p.rows, g.last && p.narrows
	q := grow(&p.buf.q, n*g.q.Rows)
	k, v := grow(&p.buf.k, n*g.k.Rows), grow(&p.buf.v, n*g.k.Rows)
	gate := grow(&p.buf.gate, n*g.gate.Rows)
	if late {
		p.multiply(in, n, product{dst: k, w: &g.k}, product{dst: v, w: &g.v})
	} else {
		p.multiply(in, n, product{dst: q, w: &g.q}, product{dst: k, w: &g.k}, product{dst: v, w: &g.v},
			product{dst: gate, w: &g.gate})
	}
	if g.v.Rows == 0 {
		copy(v, k)
	}
	p.normRows(k, n, g.kRows)
	p.store(&g.attention, k, v)
	if late {
		p.narrow(nil, 0)
		if n = p.rows; n == 0 {
			return
		}
		p.prepareRows(in, n, &g.q, &g.gate)
		p.multiply(in, n, product{dst: q, w: &g.q}, product{dst: gate, w: &g.gate})
	}
	p.normRows(q, n, g.qRows)
	out := grow(&p.buf.attn, n*g.o.Cols)
	p.attend(&g.attention, out, q)
	switch {
	case g.gated:
		p.prepare(preparation{by: g, rows: out, with: q, n: n}, &g.o)
	case g.sub.gain != nil:
		p.normRows(out, n, g.sub, &g.o)
	case g.gate.Rows > 0:
		p.prepare(preparation{by: (*gatedHeads)(g), rows: out, with: gate, n: n}, &g.o)
	default:
		p.prepareRows(out, n, &g.o)
	}
	p.project(out, &g.o)
}

// makeRow multiplies the heads of row t by the sigmoids of their gates.
func (g *gqa) makeRow(p *pass, row []float32, t int) {
	gates := p.prep.with[2*t*len(row):][:2*len(row)]
	for at := 0; at < len(row); at += g.dims {
		gate := gates[2*at+g.dims:][:g.dims]
		p.set.Sigmoid(gate)
		p.set.Mul(row[at:][:g.dims], gate)
	}
}

type gatedHeads gqa

// makeRow multiplies row t by the sigmoids of the gate, which has an output for each value or for each head.
func (g *gatedHeads) makeRow(p *pass, row []float32, t int) {
	gate := p.prep.with[t*g.gate.Rows:][:g.gate.Rows]
	p.set.Sigmoid(gate)
	if len(gate) == len(row) {
		p.set.Mul(row, gate)
		return
	}
	for h, f := range gate {
		p.set.Scale(row[h*g.dims:][:g.dims], f)
	}
}
