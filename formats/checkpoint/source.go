package checkpoint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/prequant"
	"bitmill/formats/pyjson"
	"bitmill/formats/safetensors"
	"bitmill/formats/store"
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

// gather joins the parts of quantized tensors and returns all tensors but known extras, under the names of the tables
// and in the converter's order: file after file, by name within each.
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
	var names []string
	for _, i := range order {
		names = append(names, folder.Tensors[i].Name)
	}
	c.names = h.Names(&c.Config, names)
	var list []safetensors.Tensor
	for _, i := range order {
		t := folder.Tensors[i]
		h.NoteShape(&c.Config, t.Name, t.Shape)
		switch kind := c.names.Extra(t.Name); {
		case kind != "":
			c.leaveOut(kind, t.Name)
		case prequant.ActivationScale(t.Name):
			c.leaveOut("scales of activations or of the cache", t.Name)
		default:
			list = append(list, t)
		}
	}
	if err := holdSmall(list); err != nil {
		return nil, err
	}
	scheme, note, err := prequant.Resolve(h.Quantization, list)
	if err != nil && pyjson.Null(h.Quantization) {
		scheme, note, err = prequant.Resolve(c.oldGPTQConfig(), list)
	}
	if err == nil {
		err = h.SetScheme(scheme)
	}
	if err != nil {
		return nil, err
	}
	if note != "" {
		c.Warnings = append(c.Warnings, note)
	}
	if all, c.Quantized, err = prequant.Gather(scheme, list); err != nil {
		return nil, err
	}
	c.backbone = len(h.Architectures) > 0 && strings.HasSuffix(h.Architectures[0], "Model")
	return all, c.rename(all)
}

// oldGPTQConfig is the quantization_config of a folder of AutoGPTQ's first versions, which had a file of its own; nil
// without one.
func (c *Checkpoint) oldGPTQConfig() []byte {
	data, err := store.ReadFile(store.Join(c.Path, "quantize_config.json"))
	var keys map[string]any
	if err != nil || pyjson.Unmarshal(data, &keys) != nil {
		return nil
	}
	if keys["quant_method"] == nil {
		keys["quant_method"] = "gptq"
	}
	data, _ = json.Marshal(keys) // of a map of plain values it cannot fail, but for Infinity, which then claims nothing
	return data
}

// extrasOf finds, by the names that an index lists, the tensors that gather leaves out.
func extrasOf(h *arch.HFConfig) func([]string) func(string) bool {
	return func(list []string) func(string) bool {
		config, _, err := h.Config()
		if err != nil {
			return func(string) bool { return false } // reported when the model is filled in
		}
		names := h.Names(&config, list)
		return func(name string) bool { return names.Extra(name) != "" || prequant.ActivationScale(name) }
	}
}

// rename gives tensors their names in the tables.
func (c *Checkpoint) rename(all []prequant.Tensor) error {
	taken := make(map[string]string, len(all))
	for i := range all {
		name := all[i].Name
		all[i].Name = c.names.Table(name)
		if other, ok := taken[all[i].Name]; ok {
			return fmt.Errorf("%w: the tensors %s and %s have one meaning", formats.ErrCorrupt, other, name)
		}
		taken[all[i].Name] = name
		c.backbone = c.backbone || name == "embed_tokens.weight"
	}
	return nil
}

// leaveOut notes a tensor that the model does without.
func (c *Checkpoint) leaveOut(kind, name string) {
	if c.leftOut == nil {
		c.leftOut = map[string][]string{}
	}
	c.leftOut[kind] = append(c.leftOut[kind], name)
}

// tellLeftOut warns of the tensors that were left out, once for each kind.
func (c *Checkpoint) tellLeftOut() {
	for _, kind := range slices.Sorted(maps.Keys(c.leftOut)) {
		c.Warnings = append(c.Warnings, fmt.Sprintf("left out, as %s: %s", kind, some(c.leftOut[kind])))
	}
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
