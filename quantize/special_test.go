package quantize

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
)

// specialLayers is the number of layers of the model of testdata/special.txt.
const specialLayers = 8

// TestSpecialTensors compares the types of a model that holds every tensor name of llama.cpp's decoders at once: state
// spaces, convolutions, routers, experts, inputs of layers, indexers, hyper-connections. testdata/special.txt lists the
// names by their number of dimensions (blk.N. stands for every layer), those of matrices that stay as they are, and for
// each format what llama-quantize (snapshot de3ff81) makes of the others, layer by layer where it differs; a plus sign
// means with an importance matrix. Of all its architectures, llama-quantize wrote the same types for this model, but for
// falcon and bailingmoe3, which have rules of their own.
func TestSpecialTensors(t *testing.T) {
	data, err := os.ReadFile("testdata/special.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := &checkpoint.Checkpoint{Metadata: new(gguf.Metadata),
		Config: arch.Config{Arch: "llama", Layers: specialLayers, Heads: 8, KVHeads: 2}}
	c.Metadata.Set("general.architecture", "llama")
	c.Metadata.Set("llama.expert_count", uint32(4))
	types := make(map[string]formats.Type)
	var kept []string
	var format, other string
	check := func() {
		if format != "" {
			checkSpecial(t, c, format, other, types)
		}
	}
	for line := range strings.Lines(string(data)) {
		key, list, ok := strings.Cut(strings.TrimSpace(line), ": ")
		names := specialNames(list)
		dims, err := strconv.Atoi(key)
		switch {
		case !ok && key != "names":
			check()
			format, types = key, make(map[string]formats.Type)
			for _, name := range kept {
				types[name] = formats.BF16
			}
		case !ok:
		case err == nil:
			for _, name := range names {
				addSpecial(c, name, dims)
			}
		case key == "BF16":
			kept = names
		case key == "default":
			other = list
		default:
			per := strings.Fields(key)
			for i, name := range names {
				typ, err := formats.ParseType(per[i%len(per)])
				if err != nil {
					t.Fatal(err)
				}
				types[name] = typ
			}
		}
	}
	check()
}

// specialNames writes out the layers of a list of names.
func specialNames(list string) (names []string) {
	for _, name := range strings.Fields(list) {
		rest, ok := strings.CutPrefix(name, "blk.N.")
		if !ok {
			names = append(names, name)
			continue
		}
		for i := range specialLayers {
			names = append(names, "blk."+strconv.Itoa(i)+"."+rest)
		}
	}
	return names
}

// addSpecial adds a tensor. Vectors and what is not called a weight are in F32.
func addSpecial(c *checkpoint.Checkpoint, name string, dims int) {
	x := formats.Tensor{Name: name, Type: formats.F32, Shape: []int64{256, 2, 4}[:dims]}
	if dims > 1 && strings.HasSuffix(name, ".weight") {
		x.Type = formats.BF16
	}
	c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: x})
}

// checkSpecial compares a plan with the types of some tensors; the other ones have the type called other.
func checkSpecial(t *testing.T, c *checkpoint.Checkpoint, format, other string, types map[string]formats.Type) {
	t.Helper()
	rest, err := formats.ParseType(other)
	if err != nil {
		t.Fatal(err)
	}
	name, weighted := strings.CutPrefix(format, "+")
	p := mustPlan(t, c, Options{Format: name, AssumeImatrix: weighted})
	if len(p.Tensors) < 1000 {
		t.Fatalf("%d tensors", len(p.Tensors))
	}
	for i := range p.Tensors {
		x := &p.Tensors[i]
		want, ok := types[x.Name]
		if !ok {
			want = rest
		}
		if x.Source == formats.F32 {
			want = formats.F32
		}
		if x.Type != want {
			t.Errorf("%s: %s is %s, want %s", format, x.Name, x.Type, want)
		}
	}
}
