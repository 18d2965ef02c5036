package oracle

import (
	"math"

	//lint:ignore ST1001 so that the graph reads like its formulas
	. "github.com/gomlx/gomlx/core/graph"

	"bitmill/formats/checkpoint/arch"
)

// layerInputs are the graph's inputs before the weights.
const layerInputs = 5 // x, mask, cos, sin, rotation

// layerGraph is one transformer layer for x [T, width]:
//
//	a = x + Wo·attention(rmsnorm(x))
//	y = a + Wdown·(silu(Wgate·h) * Wup·h)      h = rmsnorm(a)
//
// Inputs: x, mask [T, T], cos and sin [T, headDim], rotation [headDim, headDim], then the weights in the order of
// roles.
func layerGraph(k arch.Config, roles []role) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		w := weights{eps: float64(k.NormEps), nodes: map[string]*Node{}}
		for i, r := range roles {
			w.nodes[r.name] = in[layerInputs+i]
		}
		x := in[0]
		p := position{mask: in[1], cos: in[2], sin: in[3], rotation: in[4]}
		a := Add(x, w.attention(k, p, w.rmsNorm(x, "attn_norm")))
		h := w.rmsNorm(a, "ffn_norm")
		gate := w.linear(h, "ffn_gate")
		silu := Mul(gate, Sigmoid(gate))
		return []*Node{Add(a, w.linear(Mul(silu, w.linear(h, "ffn_up")), "ffn_down"))}
	}
}

// headGraph gives the scores of a slab of the vocabulary. Inputs: x [T, width], gain [width], slab [rows, width].
func headGraph(k arch.Config) func([]*Node) []*Node {
	return func(in []*Node) []*Node {
		return []*Node{product(rmsNorm(in[0], in[1], float64(k.NormEps)), in[2])}
	}
}

// position is the masks and angles of the tokens' positions.
type position struct{ mask, cos, sin, rotation *Node }

// rotate applies RoPE to x [T, heads, headDim]: x·cos + (x·R)·sin, where R swaps the members of each pair and negates
// the first. As a product with a constant it serves both pairings.
func (p position) rotate(x *Node) *Node {
	turned := DotGeneral(x, []int{2}, nil, p.rotation, []int{0}, nil)
	return Add(Mul(x, InsertAxes(p.cos, 1)), Mul(turned, InsertAxes(p.sin, 1)))
}

// weights are one layer's, by role.
type weights struct {
	eps   float64
	nodes map[string]*Node
}

// attention is softmax(q·k/√headDim + mask)·v with groups of query heads sharing one key-value head (GQA,
// arXiv 2305.13245). Axes: t queries, s keys, g groups, r heads of a group, d of the head.
func (w weights) attention(k arch.Config, p position, x *Node) *Node {
	t, g, r, d := x.Shape().Dim(0), k.KVHeads, k.Heads/k.KVHeads, k.HeadDim
	q := Reshape(w.linear(x, "attn_q"), t, g*r, d)
	key := Reshape(w.linear(x, "attn_k"), t, g, d)
	value := Reshape(w.linear(x, "attn_v"), t, g, d)
	q = Reshape(p.rotate(w.headNorm(q, "attn_q_norm")), t, g, r, d)
	key = p.rotate(w.headNorm(key, "attn_k_norm"))

	scores := DotGeneral(q, []int{3}, []int{1}, key, []int{2}, []int{1}) // [g, t, r, s]
	scores = MulScalar(scores, 1/math.Sqrt(float64(d)))
	scores = Add(scores, Reshape(p.mask, 1, t, 1, t))
	mixed := DotGeneral(Softmax(scores), []int{3}, []int{0}, value, []int{0}, []int{1}) // [g, t, r, d]
	return w.linear(Reshape(TransposeAllAxes(mixed, 1, 0, 2, 3), t, g*r*d), "attn_output")
}

// headNorm normalizes every head on its own where the architecture does so (Qwen3), before RoPE.
func (w weights) headNorm(x *Node, name string) *Node {
	if w.nodes[name+".weight"] == nil {
		return x
	}
	return w.rmsNorm(x, name)
}

func (w weights) rmsNorm(x *Node, name string) *Node {
	return rmsNorm(x, w.nodes[name+".weight"], w.eps)
}

// linear is x·Wᵀ, plus the bias where there is one.
func (w weights) linear(x *Node, name string) *Node {
	y := product(x, w.nodes[name+".weight"])
	if b := w.nodes[name+".bias"]; b != nil {
		y = Add(y, InsertAxes(b, 0))
	}
	return y
}

// product is x [T, in] times the transpose of w [out, in].
func product(x, w *Node) *Node { return DotGeneral(x, []int{1}, nil, w, []int{1}, nil) }

// rmsNorm is x / √(mean(x²) + eps) * gain over the last axis.
func rmsNorm(x, gain *Node, eps float64) *Node {
	mean := ReduceAndKeep(Square(x), ReduceMean, -1)
	ones := make([]int, x.Rank()-1)
	for i := range ones {
		ones[i] = 1
	}
	return Mul(Div(x, Sqrt(AddScalar(mean, eps))), Reshape(gain, append(ones, gain.Shape().Dim(0))...))
}
