package infer

// Cache holds the keys and values of one sequence, in float32, so that later tokens can look back at earlier ones.
// Keys are stored transposed, one row per dimension, because the scores of a block of queries are a product with K^T.
type Cache struct {
	model    *Model
	capacity int
	length   int // positions filled
	layers   []kv
}

// kv is one layer's part: keys [KVHeads][HeadDim][capacity], values [KVHeads][capacity][HeadDim].
type kv struct{ keys, values []float32 }

// NewCache makes room for capacity positions.
func (m *Model) NewCache(capacity int) *Cache {
	c := &Cache{model: m, capacity: capacity, layers: make([]kv, len(m.layers))}
	for i := range c.layers {
		c.layers[i] = m.newKV(capacity)
	}
	return c
}

func (m *Model) newKV(capacity int) kv {
	n := m.Config.KVHeads * m.Config.HeadDim * capacity
	return kv{keys: make([]float32, n), values: make([]float32, n)}
}

// Len is the number of positions filled, Cap the number there is room for.
func (c *Cache) Len() int { return c.length }
func (c *Cache) Cap() int { return c.capacity }

// Reset forgets all positions.
func (c *Cache) Reset() { c.length = 0 }
