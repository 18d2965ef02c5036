package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
)

// LayerSizes are the dimensions that may differ from layer to layer.
type LayerSizes struct{ FFN, Heads, KVHeads int }

// OfLayer is the Config with the sizes of layer i.
func (c *Config) OfLayer(i int) *Config {
	if c.PerLayer == nil {
		return c
	}
	layer, s := *c, c.PerLayer[i]
	layer.FFN, layer.Heads, layer.KVHeads = s.FFN, s.Heads, s.KVHeads
	return &layer
}

// AllKVHeads is the number of key and value heads in all layers.
func (c *Config) AllKVHeads() (n int) {
	for i := range c.Layers {
		n += c.OfLayer(i).KVHeads
	}
	return n
}

// setPerLayer sets PerLayer from lists that are given for each layer, nil for a size that all layers share. The keys
// name them in errors. Sizes of the first layer become those of the Config.
func (c *Config) setPerLayer(keys [3]string, ffn, heads, kvHeads []int) error {
	sizes := []struct {
		list   []int
		common *int
	}{{ffn, &c.FFN}, {heads, &c.Heads}, {kvHeads, &c.KVHeads}}
	if c.Layers < 1 || c.Layers > maxLayers {
		return nil // check tells
	}
	layers := make([]LayerSizes, c.Layers)
	for k, s := range sizes {
		for i := range layers {
			n := *s.common
			if s.list != nil {
				n = s.list[i]
			}
			if s.list != nil && n < 1 {
				return fmt.Errorf("%w: layer %d lacks a part that all layers have: %s is %d there", formats.ErrUnsupported, i,
					keys[k], n)
			}
			*[]*int{&layers[i].FFN, &layers[i].Heads, &layers[i].KVHeads}[k] = n
		}
	}
	c.FFN, c.Heads, c.KVHeads = layers[0].FFN, layers[0].Heads, layers[0].KVHeads
	if slices.ContainsFunc(layers, func(l LayerSizes) bool { return l != layers[0] }) {
		c.PerLayer = layers
	}
	return nil
}

// checkPerLayer verifies the sizes of every layer.
func (c *Config) checkPerLayer() error {
	if c.PerLayer == nil {
		return nil
	}
	if c.Experts != nil || c.Latent != nil {
		return fmt.Errorf("%w: sizes that differ from layer to layer in a model with experts or latent attention",
			formats.ErrUnsupported)
	}
	for i := range c.PerLayer {
		layer := c.OfLayer(i)
		layer.PerLayer = nil
		if err := layer.check(); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

// perLayer reads a key that has one number for all layers or one for each. A list of equal numbers is one number; of
// others, all is the first.
func (r *reader) perLayer(key string, otherwise int) (all int, each []int) {
	list, ok, err := r.m.Ints(r.arch + "." + key)
	if !ok || err != nil {
		return r.int(key, otherwise), nil
	}
	if each = r.eachLayer(key, list); each == nil {
		return 0, nil
	}
	if slices.Max(each) == each[0] && slices.Min(each) == each[0] {
		return each[0], nil
	}
	return each[0], each
}

// eachLayer checks a list of one number for each block and cuts it to the layers; nil when it fails.
func (r *reader) eachLayer(key string, list []int64) []int {
	c := &r.cfg
	if len(list) != c.Layers+c.NextN || c.Layers < 1 {
		r.fail(fmt.Errorf("%w: metadata key %s.%s has %d numbers for %d blocks", formats.ErrCorrupt, r.arch, key, len(list),
			c.Layers+c.NextN))
		return nil
	}
	each := make([]int, c.Layers)
	for i := range each {
		if list[i] < 0 || list[i] > maxDim*16 {
			r.fail(fmt.Errorf("%w: metadata key %s.%s is %d in layer %d", formats.ErrCorrupt, r.arch, key, list[i], i))
			return nil
		}
		each[i] = int(list[i])
	}
	return each
}

// sizes reads the dimensions that may differ from layer to layer.
func (r *reader) sizes(c *Config) {
	keys := [3]string{"feed_forward_length", "attention.head_count", "attention.head_count_kv"}
	var ffn, heads, kvHeads []int
	c.FFN, ffn = r.perLayer(keys[0], -1)
	c.Heads, heads = r.perLayer(keys[1], -1)
	c.KVHeads, kvHeads = r.perLayer(keys[2], c.Heads)
	if _, ok := r.m.Get(r.arch + "." + keys[2]); !ok {
		kvHeads = heads
	}
	if r.err == nil && (ffn != nil || heads != nil || kvHeads != nil) {
		r.fail(c.setPerLayer(keys, ffn, heads, kvHeads))
	}
}

// sizes writes a dimension that may differ from layer to layer: one number, or one for each layer.
func (w writer) sizes(key string, c *Config, of func(c *Config) int) {
	list := make([]int32, len(c.PerLayer))
	for i := range list {
		list[i] = int32(of(c.OfLayer(i)))
	}
	if len(list) == 0 || slices.Max(list) == slices.Min(list) {
		w.uint(key, of(c))
		return
	}
	w.set(key, list)
}
