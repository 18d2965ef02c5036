package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// source is a tensor of a Hugging Face checkpoint, with data or planned.
type source struct {
	name  string
	typ   formats.Type
	shape []int64 // slowest first
	data  []byte
	shard int // which file, from 0
}

// dtypes are the safetensors dtypes that weights may have.
var dtypes = []struct {
	name string
	typ  formats.Type
}{
	{"BF16", formats.BF16}, {"F16", formats.F16}, {"F32", formats.F32},
}

// sources turns the tensors of a folder into sources in the converter's order: file after file, by name within each.
func sources(folder *safetensors.Folder) ([]source, error) {
	order := make([]int, len(folder.Tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &folder.Tensors[a], &folder.Tensors[b]
		if x.File != y.File {
			return strings.Compare(x.File, y.File)
		}
		return strings.Compare(x.Name, y.Name)
	})
	var list []source
	shard, file := -1, ""
	for _, i := range order {
		t := &folder.Tensors[i]
		if t.File != file {
			shard, file = shard+1, t.File
		}
		if dropped(t.Name) {
			continue
		}
		s := source{name: t.Name, shape: t.Shape, data: t.Data, shard: shard}
		found := false
		for _, d := range dtypes {
			if d.name == t.DType {
				s.typ, found = d.typ, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s: tensor %s: %w: dtype %s; weights must be BF16, F16 or F32", t.File, t.Name, formats.ErrUnsupported, t.DType)
		}
		list = append(list, s)
	}
	return list, nil
}

// bind gives every source its GGUF name and place, and checks that the model is complete.
func (c *Checkpoint) bind(f *family, h *hfConfig, list []source) error {
	known := make(map[string]expected)
	for _, e := range f.tensors(&c.Config) {
		known[e.HF] = e
	}
	if c.Config.Rope.Factors != nil {
		c.Tensors = append(c.Tensors, ropeTensor(c.Config.Rope.Factors, list))
	}
	var unknown []string
	for _, s := range list {
		e, ok := known[s.name]
		if !ok {
			unknown = append(unknown, s.name)
			continue
		}
		delete(known, s.name)
		if !slices.Equal(s.shape, e.Shape) {
			return fmt.Errorf("tensor %s: %w: its shape is %v, config.json makes it %v", s.name, formats.ErrCorrupt, s.shape, e.Shape)
		}
		c.Tensors = append(c.Tensors, e.tensor(s, f.Interleaved))
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%w: model_type %s has no tensor %s", formats.ErrUnsupported, f.Type, some(unknown))
	}
	var missing []string
	for _, e := range known {
		if h.needs(e.Need) {
			missing = append(missing, e.HF)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the checkpoint is incomplete: it has no tensor %s", formats.ErrCorrupt, some(missing))
	}
	c.reindex()
	if _, ok := c.index["output.weight"]; ok && c.Config.Tied {
		c.Config.Tied = false
		c.Warnings = append(c.Warnings, "config.json ties the output matrix to the embedding, yet there is an lm_head.weight; it is used, as llama.cpp does")
	}
	return nil
}

// needs reports whether config.json asks for tensors of this need.
func (h *hfConfig) needs(n need) bool {
	switch n {
	case untied:
		return !h.Tied
	case attentionBias:
		return h.AttentionBias
	case mlpBias:
		return h.MLPBias
	}
	return true
}

// tensor describes the source as a GGUF tensor: dimensions reversed, vectors in F32.
func (e expected) tensor(s source, interleaved bool) Tensor {
	t := Tensor{Tensor: formats.Tensor{Name: e.GGUF, Type: s.typ}, Source: s.name, Shard: s.shard, raw: s.data, stored: s.typ}
	t.Shape = slices.Clone(s.shape)
	slices.Reverse(t.Shape)
	if interleaved {
		t.heads = e.Heads
	}
	if len(t.Shape) == 1 {
		t.Type = formats.F32
		if s.data != nil && (s.typ != formats.F32 || t.heads > 0) {
			t.vector = new(vector)
		}
	}
	return t
}

// ropeTensor makes rope_freqs.weight, which no source has. It has data when the sources have.
func ropeTensor(factors []float32, list []source) Tensor {
	t := Tensor{Tensor: formats.Tensor{Name: "rope_freqs.weight", Type: formats.F32, Shape: []int64{int64(len(factors))}}, stored: formats.F32}
	if len(list) == 0 || list[0].data == nil {
		return t
	}
	for _, v := range factors {
		t.raw = binary.LittleEndian.AppendUint32(t.raw, math.Float32bits(v))
	}
	return t
}

// some names a few of many.
func some(names []string) string {
	slices.Sort(names)
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d others", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}
