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

// Tokens is how many tokens Run uses of a text of so many: those that it fits on, Options.Tokens, and those that it
// holds back.
func Tokens(c *checkpoint.Checkpoint, text, fit int) int {
	return min(text, cmp.Or(fit, tokensPerColumn*widestInput(c))+heldTokens)
}

// Fitting is the largest Options.Tokens that fits into memory.
func Fitting(c *checkpoint.Checkpoint, artifacts int, memory int64) int {
	return max(0, int(max(0, memory-Memory(c, 0, artifacts))/max(1, perToken(c, artifacts)))-heldTokens)
}
