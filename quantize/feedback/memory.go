package feedback

import (
	"cmp"
	"strings"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// garbagePercent of memory may be garbage. Nearly all of it is numbers, which the collector need not look at, so that
// to collect often costs nothing.
const garbagePercent = 10

// Room is what Run takes, and how it should go to take no more.
type Room struct {
	Memory int64 // in bytes, beside the models, which are mapped
	File   int64 // of the file for what lies between layers, in bytes; 0: it lies in memory
	Tokens int   // of the text that are used
	Group  int   // Options.Group
	Last   int   // Options.Last
}

// Again is the share of the tokens that go through parts of a layer more than once.
func (r Room) Again() float64 { return 1 - float64(r.Last)/float64(r.Tokens) }

// RoomFor makes the best of a limit of memory in bytes; 0: none. First, what lies between layers goes into a file, if
// the least of the groups do not fit beside it. What is left then is for the last group, which has to be computed but
// once. A limit that is too low is exceeded: Memory says how much is needed. text is the tokens of all windows, each of
// window tokens; fit is Options.Tokens.
func RoomFor(c *checkpoint.Checkpoint, text, window, fit, artifacts int, limit int64) Room {
	s := sizesOf(c)
	tokens := Tokens(c, text, fit)
	r := Room{Tokens: tokens, Group: max(infer.BatchTokens/window, 1) * window, Last: tokens}
	between := int64(tokens) * s.between(artifacts)
	need := func(shelf int64) int64 {
		groups := int64(r.Last + min(r.Group, tokens-r.Last))
		return program + max(withGarbage(s.embedding), withGarbage(s.solver+shelf+groups*s.activations))
	}
	r.Memory = need(between)
	if limit <= 0 || r.Memory <= limit {
		return r
	}
	if r.Last = min(tokens, window); need(between) > limit {
		r.File, between = between, 0
	}
	if free := limit - need(between); free > 0 {
		r.Last += int(free * 100 / (100 + garbagePercent) / s.activations / int64(window) * int64(window))
		r.Last = min(tokens, r.Last)
	}
	r.Memory = need(between)
	return r
}

// program is the memory of everything else.
const program = 64 << 20

// sizes are what the parts of Run take, in bytes.
type sizes struct {
	embedding   int64 // to choose a tied one
	solver      int64 // of the matrix that takes most
	activations int64 // inside a layer, of each token in a group
	stream      int64 // of each token
	full        int64 // what the full model leaves for the artifacts in a part of a layer, and what waits of experts, of each token
}

// between is what lies between layers and passes, of each token.
func (s *sizes) between(artifacts int) int64 { return int64(artifacts+1)*s.stream + s.full }

// sizesOf adds up what the code allocates. Buffers of a pass are those of all kinds of layers together. Activations are
// rounded to 8 bits with two scales for each 32 or 128 values.
func sizesOf(c *checkpoint.Checkpoint) (s sizes) {
	width, used := int64(c.Config.Width), int64(1)
	if c.Config.Experts != nil {
		used = int64(c.Config.Experts.Used)
	}
	roles, sites := map[string]int64{}, map[string]int64{} // rows of each, and what the inputs of a layer take
	var widest, routed int64
	for i := range c.Tensors {
		t := &c.Tensors[i]
		layer, rows, cols := formats.LayerOf(t.Name), t.Rows()/t.Matrices(), t.Cols()
		if len(t.Shape) < 2 || rows < 2 {
			continue
		}
		if layer < 0 {
			s.head(t.Name, c.Config.Tied, rows, cols, int64(c.Config.Vocab))
			continue
		}
		s.solver = max(s.solver, 4*(5*cols*cols+solverMatrices*rows*cols))
		widest = max(widest, cols)
		role := strings.SplitN(t.Name, ".", 3)[2]
		times := int64(1)
		switch {
		case t.Matrices() > 1 && c.Config.Experts != nil:
			times, routed = used, max(routed, used*cols)
		case isSum(role):
			sites[role] = max(sites[role], 4*width)
		default:
			site := siteOf(0, "blk.0."+role)
			sites[site] = max(sites[site], codes(cols))
		}
		roles[role] = max(roles[role], times*rows)
	}
	outputs := roles["attn_k.weight"] + roles["attn_v.weight"] // they are kept a second time
	for _, rows := range roles {
		outputs += rows
	}
	var first, second int64
	for role, bytes := range sites {
		if strings.Contains(role, "ffn") {
			second += bytes
		} else {
			first += bytes
		}
	}
	s.full = max(first, second) + codes(routed)
	s.stream = 4 * width
	s.activations = 4*(outputs+5*width+widest) + codes(2*widest+width) + 2*(4*routed+codes(routed))
	return s
}

// codes is the size of activations in 8 bits.
func codes(n int64) int64 { return n * 17 / 16 }

// solverMatrices are the matrices of the size of the one that is chosen: its values, targets and moments.
const solverMatrices = 4

// head counts the embedding or the output matrix.
func (s *sizes) head(name string, tied bool, rows, cols, vocab int64) {
	const logits = 2 * 512 // rows of a window
	switch {
	case name == embeddingName && tied:
		s.embedding = 4 * (6*cols*cols + max(logits*vocab, embeddingRows*cols))
	case name != embeddingName:
		s.solver = max(s.solver, 4*(6*cols*cols+solverMatrices*rows*cols))
	}
}

// isSum reports whether the product of a matrix is added to the residual stream.
func isSum(role string) bool {
	for _, part := range []string{"attn_output.", "ffn_down.", "ssm_out.", "out_proj."} {
		if strings.Contains(role, part) {
			return true
		}
	}
	return false
}

func withGarbage(bytes int64) int64 { return bytes * (100 + garbagePercent) / 100 }

// Tokens is how many tokens Run uses of a text of so many: those that it fits on, Options.Tokens, and those that it
// holds back.
func Tokens(c *checkpoint.Checkpoint, text, fit int) int {
	return min(text, cmp.Or(fit, tokensPerColumn*widestInput(c))+heldTokens)
}
