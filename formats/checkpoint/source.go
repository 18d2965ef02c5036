package checkpoint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// source is a tensor of a Hugging Face checkpoint, with data or planned.
type source struct {
	name  string
	typ   formats.Type
	shape []int64 // slowest first
	data  []byte
	shard int // number of its file, from 0

	matrix    prequant.Matrix // instead of data: derives its rows
	quantized bool            // its values were quantized
}

// dtypes are the safetensors dtypes that weights may have.
var dtypes = []struct {
	name string
	typ  formats.Type
}{
	{"BF16", formats.BF16}, {"F16", formats.F16}, {"F32", formats.F32}, {"U8", formats.I8},
}

// gather joins the parts of quantized tensors and returns all tensors that the family uses, in the converter's order:
// file after file, by name within each.
func (c *Checkpoint) gather(folder *safetensors.Folder, h *arch.HFConfig) (all []prequant.Tensor, err error) {
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
	var list []safetensors.Tensor
	for _, i := range order {
		if t := folder.Tensors[i]; !h.Dropped(t.Name) {
			list = append(list, t)
		}
	}
	all, c.Quantized, err = prequant.Gather(h.Scheme(), list)
	return all, err
}

// sources finds the types and shards of tensors.
func sources(tensors []prequant.Tensor) ([]source, error) {
	var list []source
	shards := map[string]int{}
	for i := range tensors {
		shards[tensors[i].File] = 0
	}
	for i, file := range slices.Sorted(maps.Keys(shards)) {
		shards[file] = i
	}
	for i := range tensors {
		t := &tensors[i]
		s := source{name: t.Name, shape: t.Shape, data: t.Data, shard: shards[t.File], matrix: t.Matrix,
			quantized: t.Quantized}
		found := false
		for _, d := range dtypes {
			if d.name == t.DType {
				s.typ, found = d.typ, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s: tensor %s: %w: dtype %s; weights must be BF16, F16 or F32", t.File, t.Name,
				formats.ErrUnsupported, t.DType)
		}
		list = append(list, s)
	}
	return list, nil
}
