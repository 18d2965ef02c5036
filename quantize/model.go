package quantize

import (
	"cmp"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

// model holds the facts about a whole model that rules depend on.
type model struct {
	arch    string
	layers  int
	gqa     int // query heads per key head, in the first layer
	experts int
	is70B   bool
	tied    bool // no output.weight: the token table serves as output matrix too
	values  int  // tensors that hold attention values
}

// newModel reads c with md in place of its metadata.
func newModel(c *checkpoint.Checkpoint, md *gguf.Metadata) *model {
	arch := c.Config.Arch
	if name, ok, err := md.String("general.architecture"); ok && err == nil {
		arch = name // known even when the architecture is not
	}
	blocks := first(md, arch+".block_count", c.Config.Layers)
	m := &model{
		arch:    arch,
		layers:  loadedLayers(md, arch, blocks),
		experts: first(md, arch+".expert_count", 0),
		tied:    true,
	}
	heads := first(md, arch+".attention.head_count", c.Config.Heads)
	keyHeads := first(md, arch+".attention.head_count_kv", cmp.Or(c.Config.KVHeads, heads))
	if keyHeads > 0 {
		m.gqa = heads / keyHeads
	}
	m.is70B = seventyB(arch, blocks, heads != keyHeads)
	for i := range c.Tensors {
		switch role := roleOf(c.Tensors[i].Name); {
		case role == Output:
			m.tied = false
		case role&values != 0:
			m.values++
		}
	}
	return m
}

// loadedLayers is the number of layers that llama.cpp makes of a file's blocks, which its rules count by: Nanbeige runs
// its blocks several times over, and Granite Switch has one more layer, without weights, for its router.
func loadedLayers(md *gguf.Metadata, arch string, blocks int) int {
	switch arch {
	case "nanbeige":
		return blocks * max(1, first(md, "nanbeige.num_loops", 1))
	case "graniteswitch":
		return blocks + 1
	}
	return blocks
}

// seventyB reports whether llama.cpp takes the shape for a 70B model: one whose value matrices are an eighth of the
// query matrices, in the architectures for which it asks.
func seventyB(arch string, layers int, shared bool) bool {
	switch arch {
	case "llama", "llama-embed":
		return layers == 80 && shared
	case "qwen2", "deci", "olmo":
		return layers == 80
	case "jais2":
		return layers == 68
	}
	return false
}

// first reads an integer, or the first of a list; missing stands in when the key is absent or of another type.
func first(md *gguf.Metadata, key string, missing int) int {
	if v, ok, err := md.Uint(key); ok && err == nil {
		return int(v)
	}
	if list, ok, err := md.Ints(key); ok && err == nil && len(list) > 0 {
		return int(list[0])
	}
	return missing
}

// fileOrder returns the indexes of the tensors in the order of an artifact: by layer, then by name, tensors outside
// layers first. It is the order in which llama-quantize writes.
func fileOrder(tensors []checkpoint.Tensor) []int {
	order := make([]int, len(tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := tensors[a].Name, tensors[b].Name
		return cmp.Or(cmp.Compare(formats.LayerOf(x), formats.LayerOf(y)), strings.Compare(x, y))
	})
	return order
}
