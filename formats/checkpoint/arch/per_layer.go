package arch

import (
	"cmp"
	"fmt"
	"slices"

	"bitmill/formats"
)

// LayerSizes are what may differ from layer to layer. A size of 0 says that the layer lacks the part.
type LayerSizes struct {
	FFN, Heads, KVHeads, HeadDim int
	Mixer                        Mixer
	KV                           KV
}

// sizes are the LayerSizes of a layer's Config.
func (c *Config) sizes() LayerSizes {
	return LayerSizes{c.FFN, c.Heads, c.KVHeads, c.HeadDim, c.Mixer, c.KV}
}

// OfLayer is the Config with the sizes of layer i.
func (c *Config) OfLayer(i int) *Config {
	if c.PerLayer == nil {
		return c
	}
	for i >= len(c.PerLayer) || i >= c.Layers && i > 0 && !c.PerLayer[i].Mixer.Attends() {
		i-- // blocks behind the layers are as the last one with attention
	}
	layer, s := *c, c.PerLayer[i]
	layer.FFN, layer.Heads, layer.KVHeads, layer.HeadDim, layer.Mixer = s.FFN, s.Heads, s.KVHeads, s.HeadDim, s.Mixer
	layer.KV = s.KV
	return &layer
}

// setPerLayer sets PerLayer from lists that are given for each layer, nil for a size that all layers share.
func (c *Config) setPerLayer(ffn, heads, kvHeads []int) {
	if c.Layers < 1 || c.Layers > maxLayers {
		return // check tells
	}
	layers := make([]LayerSizes, c.Layers)
	for i := range layers {
		layers[i] = c.OfLayer(i).sizes()
		for _, s := range []struct {
			list []int
			to   *int
		}{{ffn, &layers[i].FFN}, {heads, &layers[i].Heads}, {kvHeads, &layers[i].KVHeads}} {
			if s.list != nil {
				*s.to = s.list[i]
			}
		}
	}
	c.setLayers(layers)
}

// setFFN sets the width of the feed-forward layer in all layers.
func (c *Config) setFFN(n int) {
	c.FFN = n
	for i := range c.PerLayer {
		c.PerLayer[i].FFN = n
	}
}

// setLayers sets PerLayer, if layers differ. The sizes of the Config become those of the first layer that has the part.
func (c *Config) setLayers(layers []LayerSizes) {
	c.FFN, c.Heads, c.KVHeads, c.HeadDim, c.Mixer, c.KV = 0, 0, 0, 0, layers[0].Mixer, layers[0].KV
	for _, l := range layers {
		c.FFN, c.Heads, c.KVHeads = cmp.Or(c.FFN, l.FFN), cmp.Or(c.Heads, l.Heads), cmp.Or(c.KVHeads, l.KVHeads)
		c.HeadDim = cmp.Or(c.HeadDim, l.HeadDim)
	}
	c.PerLayer = nil
	if slices.ContainsFunc(layers, func(l LayerSizes) bool { return l != layers[0] }) {
		c.PerLayer = layers
	}
}

// checkLayers verifies the sizes of every layer.
func (c *Config) checkLayers() error {
	if c.PerLayer == nil {
		return c.checkLayer(0)
	}
	if c.Latent != nil {
		return fmt.Errorf("%w: sizes that differ from layer to layer in a model with latent attention",
			formats.ErrUnsupported)
	}
	for i := range c.PerLayer {
		if err := c.checkLayer(i); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

// checkLayer verifies the sizes of layer i.
func (c *Config) checkLayer(i int) error {
	l := c.OfLayer(i)
	type size struct {
		name string
		n    int
	}
	sizes := []size{{"number of heads", l.Heads}, {"number of key-value heads", l.KVHeads}, {"head dimension", l.HeadDim}}
	if !l.Mixer.Attends() {
		sizes = nil
	}
	if !c.Single && !c.ExpertLayer(i) {
		sizes = append(sizes, size{"feed-forward width", l.FFN})
	}
	for _, s := range sizes {
		switch {
		case s.n == 0 && c.PerLayer != nil:
			return fmt.Errorf("%w: it lacks a part that all layers have: the %s is 0", formats.ErrUnsupported, s.name)
		case s.n < 1 || s.n > maxDim:
			return fmt.Errorf("%w: the %s is %d", formats.ErrCorrupt, s.name, s.n)
		}
	}
	switch {
	case l.FFN < 0 || l.FFN > maxDim:
		return fmt.Errorf("%w: the feed-forward width is %d", formats.ErrCorrupt, l.FFN)
	case !l.Mixer.Attends():
		return nil
	case l.Heads%l.KVHeads != 0:
		return fmt.Errorf("%w: %d heads cannot share %d key-value heads evenly", formats.ErrCorrupt, l.Heads, l.KVHeads)
	case l.Heads*l.HeadDim > maxDim:
		return fmt.Errorf("%w: %d heads of %d values are too wide", formats.ErrCorrupt, l.Heads, l.HeadDim)
	}
	return l.checkRope(i)
}

// checkRope verifies that the rotary embedding of layer i, or both where all layers are alike, fit its heads.
func (c *Config) checkRope(i int) error {
	if c.PerLayer != nil {
		if r := c.RopeOf(i); r != nil {
			return r.check(c.HeadDim)
		}
		return nil
	}
	if c.LocalRope != nil {
		if err := c.LocalRope.check(c.HeadDim); err != nil {
			return err
		}
	}
	return c.Rope.check(c.HeadDim)
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
	var ffn, heads, kvHeads []int
	c.FFN, ffn = r.perLayer("feed_forward_length", -1)
	c.Heads, heads = r.perLayer("attention.head_count", -1)
	c.KVHeads, kvHeads = r.perLayer("attention.head_count_kv", c.Heads)
	if _, ok := r.m.Get(r.arch + ".attention.head_count_kv"); !ok {
		kvHeads = heads
	}
	c.HeadDim = r.int("attention.key_length", c.Width/max(c.Heads, 1, slices.Max(append(heads, 0))))
	if r.err == nil && (ffn != nil || heads != nil || kvHeads != nil) {
		c.setPerLayer(ffn, heads, kvHeads)
	}
}

// gaps sets the mixers of layers without key-value heads, for a family that has another mixer there.
func (r *reader) gaps(c *Config, f *family) {
	if f.Recurrent == Attention || c.PerLayer == nil && c.KVHeads > 0 || c.Layers < 1 || c.Layers > maxLayers {
		return
	}
	mixers := make([]Mixer, c.Layers)
	for i := range mixers {
		switch l := c.OfLayer(i); {
		case l.KVHeads > 0:
		case c.Single && l.FFN > 0:
			mixers[i] = NoMixer
		default:
			mixers[i] = f.Recurrent
		}
	}
	c.setMixers(mixers)
}

// sizes writes a dimension that may differ from layer to layer: one number, or one for each layer. Layers that lack the
// part count only where gaps are listed.
func (w writer) sizes(key string, c *Config, of func(c *Config) int) {
	if c.PerLayer == nil {
		w.uint(key, of(c))
		return
	}
	list := make([]int32, c.Layers+c.NextN)
	var there []int32
	for i := range list {
		if list[i] = int32(of(c.OfLayer(i))); list[i] > 0 || w.gaps {
			there = append(there, list[i])
		}
	}
	if len(there) == 0 || slices.Max(there) == slices.Min(there) {
		w.uint(key, of(c))
		return
	}
	w.set(key, list)
}

// each writes a dimension for each layer.
func (w writer) each(key string, c *Config, of func(c *Config) int) {
	list := make([]int32, c.Layers)
	for i := range list {
		list[i] = int32(of(c.OfLayer(i)))
	}
	w.set(key, list)
}
