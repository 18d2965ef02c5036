package arch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Expected is a tensor that a checkpoint of a Config may have, with its sources.
type Expected struct {
	GGUF    string
	Shape   []int64 // slowest first
	Sources []Part
	Need    Need
	Layout  Layout
	Group   string // tensors of one group are completed together; empty: alone

	Predicts bool // belongs to a block that predicts further tokens
}

// Part is one source of a tensor.
type Part struct {
	HF    string
	Shape []int64
}

// Tensors lists the tensors that a GGUF file of a Config may have. It fails when the architecture is unknown.
func (c *Config) Tensors() ([]Expected, error) {
	f, err := familyOfArch(c.Arch, c.Experts != nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(f.tensors(c), func(e Expected) bool { return e.Need.stacked() || e.Predicts }), nil
}

// Tensors lists the tensors that a checkpoint with this config.json may have, experts stacked as Names has found them.
func (h *HFConfig) Tensors(c *Config) []Expected {
	list := slices.DeleteFunc(h.family.tensors(c), func(e Expected) bool {
		return e.Predicts && h.noPredictors || (e.Need.stacked() || e.Need == eachExpert || e.Need == tiedApart) &&
			!h.Needs(c, e.Need)
	})
	for i := range list {
		if h.family.Factors != nil {
			h.family.Factors(h, c, &list[i])
		}
	}
	return list
}

// tensors lists all forms of the family's tensors for a Config, in the order of the tables.
func (f *family) tensors(c *Config) []Expected {
	list := make([]Expected, 0, len(outside)+c.Layers*len(f.Layer))
	predicts := false
	add := func(c *Config, n tensorSpec, hf, gguf string) {
		if e := f.expect(c, n, hf, gguf); !slices.Contains(e.Shape, 0) {
			e.Predicts = predicts
			list = append(list, e)
		}
	}
	common, stem := f.Common, cmp.Or(f.Stem, "model.layers.")
	if common == nil {
		common = outside
	}
	for _, n := range slices.Concat(common, f.Outside) {
		add(c, n, "", "")
	}
	table := f.Layer
	for i := range c.Layers + c.NextN {
		if predicts = i >= c.Layers; i == c.Layers {
			table = slices.Concat(f.Layer, predictor)
		}
		layer := c.OfLayer(i)
		for _, n := range table {
			if c.has(n.In, i) {
				add(layer, n, fmt.Sprintf("%s%d.", stem, i), fmt.Sprintf("blk.%d.", i))
			}
		}
	}
	return list
}

// expect resolves a row of the table.
func (f *family) expect(c *Config, n tensorSpec, hf, gguf string) Expected {
	e := Expected{GGUF: gguf + n.GGUF, Shape: sizes(c, n.Shape), Need: n.Need}
	if n.Layout != nil {
		e.Layout = n.Layout(c)
	}
	if f.Permuted || f.Parted {
		e.Layout.Apart = f.Parted && n.Rotary != still
		switch n.Rotary {
		case queries:
			e.Layout.Heads = c.Heads
		case keys:
			e.Layout.Heads = c.KVHeads
		}
		if n.Rotary != still && c.Rope.Dims < c.HeadDim {
			e.Layout.Turns = int64(c.Rope.Dims)
		}
	}
	if f.NormAdd != 0 && strings.HasSuffix(n.GGUF, "norm.weight") && !n.Whole {
		e.Layout.Add = f.NormAdd
	}
	shape := e.Shape
	if n.Source != nil {
		shape = sizes(c, n.Source)
	}
	switch {
	case e.Layout.Nibbles:
		blocks := append(slices.Clone(shape[:len(shape)-1]), shape[len(shape)-1]/32)
		e.Sources = []Part{{hf + n.HF + "_blocks", append(slices.Clone(blocks), 16)}, {hf + n.HF + "_scales", blocks}}
	case strings.Contains(n.HF, "%d"):
		e.Group, _, _ = strings.Cut(hf+n.HF, "%d")
		for i := range shape[0] {
			e.Sources = append(e.Sources, Part{fmt.Sprintf(hf+n.HF, i), shape[1:]})
		}
	default:
		e.Sources = []Part{{hf + n.HF, shape}}
	}
	return e
}

func sizes(c *Config, dims []dim) []int64 {
	shape := make([]int64, len(dims))
	for i, d := range dims {
		shape[i] = int64(d(c))
	}
	return shape
}

// floats are the ends of the names of matrices that the converter writes in F32.
var floats = []string{".ffn_gate_inp.weight", ".ffn_gate_inp_shexp.weight", ".shortconv.conv.weight", ".ssm_conv1d.weight",
	"position_embd.weight", ".altup_correct_coef.weight", ".altup_predict_coef.weight"}

// Float reports whether the converter writes the tensor in F32 whatever the source's type: vectors, norms, routers,
// convolutions, tables of positions and everything not named weight.
func (e *Expected) Float() bool {
	return len(e.Shape) == 1 || strings.HasSuffix(e.GGUF, "_norm.weight") || !strings.HasSuffix(e.GGUF, ".weight") ||
		slices.ContainsFunc(floats, func(name string) bool { return strings.HasSuffix(e.GGUF, name) })
}
