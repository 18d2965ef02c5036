package feedback

import (
	"cmp"

	"bitmill/formats/checkpoint"
)

// Memory is about what Run takes for so many tokens and artifacts, in bytes. All tokens go through a layer at once. Of
// each the streams keep a row of the model's width for every model, and a layer takes the inputs of all its matrices
// from the full model beside the buffers of a pass. The moments of the widest matrix and what is made of them take six
// times its square in float64.
func Memory(c *checkpoint.Checkpoint, tokens, artifacts int) int64 {
	n := int64(widestInput(c))
	return int64(tokens)*perToken(c, artifacts) + 48*n*n
}

func perToken(c *checkpoint.Checkpoint, artifacts int) int64 {
	width, inputs, outputs := int64(c.Config.Width), int64(0), int64(0)
	layers := map[string][2]int64{} // of each layer the columns and the rows of its matrices
	for i := range c.Tensors {
		t := &c.Tensors[i]
		layer := layerOf(t.Name)
		if layer == "" || len(t.Shape) != 2 {
			continue
		}
		l := layers[layer]
		l[0], l[1] = l[0]+t.Cols(), l[1]+t.Rows()
		layers[layer] = l
		inputs, outputs = max(inputs, l[0]), max(outputs, l[1])
	}
	return 4 * ((int64(artifacts)+3)*width + inputs + outputs)
}

// layerOf is blk.N of a tensor's name; empty for tensors outside layers.
func layerOf(name string) string {
	dots := 0
	for i, r := range name {
		if r == '.' {
			if dots++; dots == 2 {
				return name[:i]
			}
		}
	}
	return ""
}

// Tokens is how many tokens Run fits on, of those that a text has: as many as are useful, and as fit into so many bytes
// of memory (0: any number).
func Tokens(c *checkpoint.Checkpoint, artifacts int, memory int64) (tokens int, limited bool) {
	useful := tokensPerColumn * widestInput(c)
	if memory <= 0 {
		return useful, false
	}
	room := (memory - Memory(c, 0, artifacts)) / max(1, perToken(c, artifacts))
	room -= heldTokens
	if int64(useful) <= room {
		return useful, false
	}
	return int(max(room, 1)), true
}

// tokens is what Options ask for.
func (o *Options) tokens(c *checkpoint.Checkpoint, artifacts int) int {
	n, _ := Tokens(c, artifacts, o.Memory)
	return min(cmp.Or(o.Tokens, n), n)
}
