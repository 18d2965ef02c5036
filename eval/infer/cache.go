package infer

import "bitmill/eval/kernel"

// Cache holds the keys and values of one sequence, in float32, so that later tokens can look back at earlier ones.
// It takes 8 bytes for every position, layer, key-value head and dimension of a head: see Bytes.
type Cache struct {
	model    *Model
	capacity int
	length   int // positions filled
	layers   []kv
}

// kv is one layer's part. Both products of attention read it from front to back, panel by panel (see
// kernel.GemmPanels): a panel of keys is all dimensions of sixteen positions, one of values sixteen dimensions of all
// positions.
//
//	keys    [KVHeads][capacity/16][HeadDim][16]
//	values  [KVHeads][ceil(HeadDim/16)][capacity][16]
type kv struct {
	keys, values []float32
	capacity     int // positions, a multiple of 16
}

const panel = kernel.PanelCols

// wholePanels rounds up to a multiple of sixteen.
func wholePanels(n int) int { return (n + panel - 1) / panel * panel }

// NewCache makes room for capacity positions.
func (m *Model) NewCache(capacity int) *Cache {
	c := &Cache{model: m, capacity: capacity, layers: make([]kv, len(m.layers))}
	for i := range c.layers {
		c.layers[i].resize(m, capacity)
	}
	for i := range m.rope {
		m.rope[i].upTo(capacity)
	}
	return c
}

// resize makes room for n positions, whose contents are undefined.
func (k *kv) resize(m *Model, n int) {
	k.capacity = wholePanels(n)
	grow(&k.keys, m.Config.KVHeads*m.Config.HeadDim*k.capacity)
	grow(&k.values, m.Config.KVHeads*wholePanels(m.Config.HeadDim)*k.capacity)
}

// head returns the panels of one head.
func (k *kv) head(m *Model, h int) (keys, values []float32) {
	dims := m.Config.HeadDim
	return k.keys[h*dims*k.capacity:][:dims*k.capacity],
		k.values[h*wholePanels(dims)*k.capacity:][:wholePanels(dims)*k.capacity]
}

// Len is the number of positions filled, Cap the number there is room for.
func (c *Cache) Len() int { return c.length }
func (c *Cache) Cap() int { return c.capacity }

// Bytes is the memory of keys and values.
func (c *Cache) Bytes() int64 {
	n := 0
	for _, l := range c.layers {
		n += len(l.keys) + len(l.values)
	}
	return 4 * int64(n)
}

// Reset forgets all positions.
func (c *Cache) Reset() { c.length = 0 }

// cached returns where the span's keys and values of the layer lie.
func (p *pass) cached(span, layer int) *kv {
	if c := p.spans[span].cache; c != nil {
		return &c.layers[layer]
	}
	return &p.buf.kv[span]
}

// store rotates the batch's keys and writes keys and values behind those of earlier passes.
func (p *pass) store(layer int, k, v []float32) {
	for len(p.buf.kv) < len(p.spans) {
		p.buf.kv = append(p.buf.kv, kv{})
	}
	p.pieces = p.pieces[:0]
	for i, s := range p.spans {
		if s.cache == nil {
			p.buf.kv[i].resize(p.m, s.n)
		}
		for at := 0; at < s.n; {
			n := min(panel-(s.past+at)%panel, s.n-at) // up to the end of a panel
			p.pieces = append(p.pieces, piece{span: i, row: s.start + at, pos: s.past + at, n: n})
			at += n
		}
	}
	p.at = attnArgs{layer: layer, k: k, v: v}
	p.pool.Run(len(p.pieces), p.tasks.store)
}

func (p *pass) storeBlock(_, task int) {
	c, b := &p.m.Config, p.pieces[task]
	to, width, gain := p.cached(b.span, p.at.layer), c.KVHeads*c.HeadDim, p.m.layers[p.at.layer].kNorm
	for h := range c.KVHeads {
		for t := range b.n {
			p.rotate(p.at.k[(b.row+t)*width+h*c.HeadDim:][:c.HeadDim], gain, b.span, b.pos+t)
		}
		keys, values := to.head(p.m, h)
		p.set.PackPanel(keys[b.pos/panel*panel*c.HeadDim+b.pos%panel:], p.at.k[b.row*width+h*c.HeadDim:], width, b.n, c.HeadDim)
		for t := range b.n {
			from, d := p.at.v[(b.row+t)*width+h*c.HeadDim:][:c.HeadDim], 0
			for ; d+panel <= c.HeadDim; d += panel {
				*(*[panel]float32)(values[d*to.capacity+(b.pos+t)*panel:]) = [panel]float32(from[d:])
			}
			if d < c.HeadDim {
				copy(values[d*to.capacity+(b.pos+t)*panel:][:panel], from[d:])
			}
		}
	}
}
