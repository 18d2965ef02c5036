package arch

import (
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// XIELUParameters are the numbers of a layer's xIELU (arXiv 2411.13010) as checkpoints store them. With
// softplus(a) = log(1+exp(a)) it is
//
//	x > 0:  softplus(AlphaP)*x² + Beta*x
//	else:   (Beta + softplus(AlphaN))*(exp(min(x, Eps)) - 1 - x) + Beta*x
type XIELUParameters struct{ AlphaN, AlphaP, Beta, Eps float32 }

// xieluNames are the names of the numbers on both sides, in the converter's order.
var xieluNames = []struct {
	name string
	of   func(*XIELUParameters) *float32
}{
	{"alpha_n", func(p *XIELUParameters) *float32 { return &p.AlphaN }},
	{"alpha_p", func(p *XIELUParameters) *float32 { return &p.AlphaP }},
	{"beta", func(p *XIELUParameters) *float32 { return &p.Beta }},
	{"eps", func(p *XIELUParameters) *float32 { return &p.Eps }},
}

// Scalars lists the tensors of one value that go into the Config instead of a GGUF file's tensors, by their names.
func (h *HFConfig) Scalars(c *Config) map[string]*float32 {
	if h.family.Variant.Activation != XIELU {
		return nil
	}
	c.XIELU = make([]XIELUParameters, c.Layers)
	list := map[string]*float32{}
	for i := range c.XIELU {
		for _, n := range xieluNames {
			list[fmt.Sprintf("model.layers.%d.mlp.act_fn.%s", i, n.name)] = n.of(&c.XIELU[i])
		}
	}
	return list
}

// xieluMetadata writes the parameters of xIELU, a list of each.
func (c *Config) xieluMetadata(m *gguf.Metadata) {
	if c.XIELU == nil {
		return
	}
	for _, n := range xieluNames {
		each := make([]float32, len(c.XIELU))
		for i := range each {
			each[i] = *n.of(&c.XIELU[i])
		}
		m.Set("xielu."+n.name, each)
	}
}

// xielu reads the parameters of xIELU: a list of one for each block, or one for all.
func (r *reader) xielu(c *Config) {
	c.XIELU = make([]XIELUParameters, c.Layers)
	for _, n := range xieluNames {
		key := "xielu." + n.name
		v, _ := r.m.Get(key)
		each, list := v.([]float32)
		if list && len(each) != c.Layers+c.NextN {
			r.fail(fmt.Errorf("%w: metadata key %s has %d numbers for %d blocks", formats.ErrCorrupt, key, len(each),
				c.Layers+c.NextN))
			return
		}
		one, number := v.(float32)
		if !list && !number {
			r.fail(fmt.Errorf("%w: there are no numbers under metadata key %s", formats.ErrCorrupt, key))
			return
		}
		for i := range c.XIELU {
			if list {
				*n.of(&c.XIELU[i]) = each[i]
			} else {
				*n.of(&c.XIELU[i]) = one
			}
		}
	}
}

// checkXIELU verifies that the parameters are numbers, one of each for every layer.
func (c *Config) checkXIELU() error {
	if c.XIELU != nil && len(c.XIELU) != c.Layers {
		return fmt.Errorf("%w: the parameters of xIELU are given for %d of %d layers", formats.ErrCorrupt, len(c.XIELU),
			c.Layers)
	}
	for i := range c.XIELU {
		for _, n := range xieluNames {
			if v := float64(*n.of(&c.XIELU[i])); !(math.Abs(v) <= math.MaxFloat32) {
				return fmt.Errorf("%w: %s of xIELU is %v in layer %d", formats.ErrCorrupt, n.name, v, i)
			}
		}
	}
	return nil
}
