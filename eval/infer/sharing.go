package infer

import (
	"fmt"
	"slices"
)

// sharing is attention to the keys and values of an earlier layer. It has no state of its own.
type sharing struct {
	heads  attention
	of     *gqa // whose keys and values they are
	layer  int  // of
	q, o   Linear
	qNorms norm // over more than one head
}

// sharing binds the attention of layer i, whose keys and values are those of another.
func (l *loader) sharing(i int, blk func(string) string) *sharing {
	c := l.c.Config.OfLayer(i)
	q := c.Heads * c.HeadDim
	s := &sharing{heads: l.attention(i, blk), layer: l.c.Config.KVLayer(i)}
	for _, b := range l.m.layers[max(0, s.layer)] {
		if g, ok := b.mixer.(*gqa); ok {
			s.of, g.kept = g, true
		}
	}
	if s.of == nil {
		l.fail(fmt.Errorf("layer %d: layer %d has no keys and values to share", i, s.layer))
	}
	s.q, s.o = l.linear(blk("attn_q.weight"), c.Width, q), l.linear(blk("attn_output.weight"), q, c.Width)
	s.heads.qNorm, s.qNorms = l.headNorm(blk("attn_q_norm.weight"), c.Heads, c.HeadDim)
	for _, name := range []string{"attn_k.weight", "attn_v.weight", "attn_k_norm.weight"} {
		l.bound[blk(name)] = true // left over in some files
	}
	return s
}

func (s *sharing) matrices() []*Linear { return []*Linear{&s.q, &s.o} }

func (s *sharing) mix(p *pass) {
	in, n := p.input(&s.q), p.rows
	q := grow(&p.buf.q, n*s.q.Rows)
	p.multiply(in, n, product{dst: q, w: &s.q})
	p.normRows(q, n, s.qNorms)
	p.remember(&s.of.slot)
	out := grow(&p.buf.attn, n*s.o.Cols)
	p.attend(&s.heads, out, q)
	p.prepareRows(out, n, &s.o)
	p.project(out, &s.o)
}

// remember sets p.states to those that another mixer has filled in this pass.
func (p *pass) remember(at *slot) {
	p.states = p.states[:0]
	for i, s := range p.spans {
		if s.cache != nil {
			p.states = append(p.states, s.cache.states[p.loop*len(p.m.stateful)+at.cache])
		} else {
			p.states = append(p.states, p.spare[at.spare][i])
		}
	}
}

// alone fails for parts of layers that do not run without others.
func (m *Model) alone(from, to int) error {
	if m.Config.AltUp.Streams > 0 {
		return fmt.Errorf("layers of a model with %d residual streams do not run alone", m.Config.AltUp.Streams)
	}
	if n := m.loops(); n > 1 {
		return fmt.Errorf("layers that run %d times over do not run alone", n)
	}
	all := slices.Concat(m.layers...)
	if from < to && (all[from].parallel || all[from].beside) {
		return fmt.Errorf("a part of layer %d does not run without the one beside it", m.LayerOf(from))
	}
	for i, b := range all[from:to] {
		if s, ok := b.mixer.(*sharing); ok && m.first(s.layer) < from {
			return fmt.Errorf("layer %d does not run without layer %d, whose keys and values it shares", m.LayerOf(from+i),
				s.layer)
		}
	}
	return nil
}

// first is the number of a layer's first part: of the parts of those before it.
func (m *Model) first(layer int) (n int) {
	for _, l := range m.layers[:layer] {
		n += len(l)
	}
	return n
}

// LayerOf is the layer of a part, for Parts; behind the last part, the number of layers.
func (m *Model) LayerOf(part int) (layer int) {
	for layer < len(m.layers) && part >= len(m.layers[layer]) {
		part -= len(m.layers[layer])
		layer++
	}
	return layer
}

// PartCount is the number of parts of all layers.
func (m *Model) PartCount() int { return m.first(len(m.layers)) }
