package feedback

import (
	"cmp"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// garbagePercent of memory may be garbage. Nearly all of it is numbers, which the collector need not look at, so that
// to collect often costs nothing.
const garbagePercent = 10

// Memory is about what Run takes for so many tokens and artifacts, in bytes, beside the models, which are mapped: what
// grows with tokens, the moments of the widest matrix with six matrices of their size for the solver, four copies of the
// largest matrix, and logits.
func Memory(c *checkpoint.Checkpoint, tokens, artifacts int) int64 {
	const program, logits = 64 << 20, 3 * 512 // rows of a window
	n, largest := int64(widestInput(c)), int64(0)
	for i := range c.Tensors {
		t := &c.Tensors[i]
		largest = max(largest, t.Elements()/t.Matrices())
	}
	bytes := 4 * (7*n*n + 4*largest)
	if c.Config.Tied {
		bytes += 4 * logits * int64(c.Config.Vocab)
	}
	return program + int64(tokens)*perToken(c, artifacts) + withGarbage(bytes)
}

// perToken is what a token takes. All go through a layer at once: the streams keep a row of the model's width for every
// model, a pass has rows for the stream, its norm, attention and what the matrices of a layer make, and the input of the
// widest matrix twice more. Of the full model, a layer keeps the inputs in 8 bits and two rows of the stream.
func perToken(c *checkpoint.Checkpoint, artifacts int) int64 {
	width, inputs, outputs := int64(c.Config.Width), int64(0), int64(0)
	layers := map[int][2]int64{} // of each the columns and the rows of its matrices
	for i := range c.Tensors {
		t := &c.Tensors[i]
		layer := formats.LayerOf(t.Name)
		if layer < 0 || len(t.Shape) < 2 {
			continue
		}
		times := int64(1)
		if e := c.Config.Experts; e != nil && t.Matrices() > 1 {
			times = int64(e.Used)
		}
		l := layers[layer]
		l[0], l[1] = l[0]+times*t.Cols(), l[1]+times*t.Rows()/t.Matrices()
		layers[layer] = l
		inputs, outputs = max(inputs, l[0]), max(outputs, l[1])
	}
	return withGarbage(4*((int64(artifacts)+6)*width+outputs+2*int64(widestInput(c))) + inputs*17/16)
}

func withGarbage(bytes int64) int64 { return bytes * (100 + garbagePercent) / 100 }

// Tokens is how many tokens Run uses of a text of so many: those that it fits on, Options.Tokens, and those that it
// holds back.
func Tokens(c *checkpoint.Checkpoint, text, fit int) int {
	return min(text, cmp.Or(fit, tokensPerColumn*widestInput(c))+heldTokens)
}

// Fitting is the largest Options.Tokens that fits into memory.
func Fitting(c *checkpoint.Checkpoint, artifacts int, memory int64) int {
	return max(0, int(max(0, memory-Memory(c, 0, artifacts))/max(1, perToken(c, artifacts)))-heldTokens)
}
