package infer

// Cache is the model's memory of one sequence, a state for each stateful mixer. Keys and values take 8 bytes for every
// position, layer, key-value head and dimension of a head: see Bytes.
type Cache struct {
	model    *Model
	capacity int
	length   int     // positions filled
	states   []state // of Model.stateful, for each run over the layers
}

// NewCache returns an empty cache with room for capacity positions.
func (m *Model) NewCache(capacity int) *Cache {
	c := &Cache{model: m, capacity: capacity}
	for range m.loops() {
		for _, s := range m.stateful {
			c.states = append(c.states, s.newState(nil, capacity))
		}
	}
	for _, r := range m.rope {
		r.upTo(capacity)
	}
	return c
}

// Bytes is the memory of all states.
func (c *Cache) Bytes() int64 {
	n := int64(0)
	for _, s := range c.states {
		n += s.bytes()
	}
	return n
}

// Reset forgets all positions.
func (c *Cache) Reset() {
	c.length = 0
	for _, s := range c.states {
		s.reset()
	}
}

// recall sets p.states to a mixer's state for each span: from its cache, or an empty one.
func (p *pass) recall(x stateful) {
	at := x.place()
	for len(p.spare) <= at.spare {
		p.spare = append(p.spare, nil)
	}
	spare := p.spare[at.spare]
	p.states = p.states[:0]
	for i, s := range p.spans {
		if s.cache != nil {
			p.states = append(p.states, s.cache.states[p.loop*len(p.m.stateful)+at.cache])
			continue
		}
		for len(spare) <= i {
			spare = append(spare, nil)
		}
		spare[i] = x.newState(spare[i], s.n)
		p.states = append(p.states, spare[i])
	}
	p.spare[at.spare] = spare
}
