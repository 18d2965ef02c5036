package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
)

// expertsModel has two layers of a feed-forward layer beside experts, gate and up in one tensor, and a router that
// reads the residual stream through a norm of its own.
func expertsModel(rng *rand.Rand, width, ffn, expertFFN, count, used int) *Model {
	m := &Model{embedding: randomLinear(rng, "embedding", 11, width).Matrix}
	e := arch.Experts{Count: count, Used: used, FFN: expertFFN, Normalize: true}
	m.Config.Width, m.Config.Vocab, m.Config.NormEps, m.Config.Experts = width, 11, 1e-5, &e
	m.output = Linear{Matrix: m.embedding}
	gains := func() norm { return norm{gain: randomFloats(rng, width)} }
	linear := func(rows, cols int) Linear { return randomLinear(rng, "w", rows, cols) }
	for range 2 {
		b := &besideExperts{feed: &feedForward{gate: linear(ffn, width), up: linear(ffn, width), down: linear(width, ffn),
			act: arch.GELUTanh}}
		b.of = [2]branch{{norm: gains(), after: gains()}, {norm: gains(), after: gains()}}
		b.experts = &experts{Experts: e, router: linear(count, width), routerNorm: gains()}
		for i := range count {
			whole, down := linear(2*expertFFN, width), linear(width, expertFFN)
			down.scale = float32(0.5 + rng.Float64())
			for _, w := range []*Linear{&whole, &down} {
				w.Expert, w.Experts, w.Routed = i, count, true
			}
			parts := new(loader).split(whole, expertFFN, expertFFN)
			b.experts.list = append(b.experts.list, feedForward{gate: parts[0], up: parts[1], down: down, act: arch.GELUTanh})
		}
		m.layers = append(m.layers, layer{{mixer: b, after: gains()}})
	}
	return m
}

// fed is down·(gelu(gate·x) * up·x) in float64.
func (f *feedForward) fed(x []float64) []float64 {
	gate, up := f.gate.times(x), f.up.times(x)
	for i, g := range gate {
		gate[i] = g * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g))) / 2 * up[i]
	}
	y := f.down.times(gate)
	if f.down.scale != 0 {
		for i := range y {
			y[i] *= float64(f.down.scale)
		}
	}
	return y
}

// byDefinition is the branch's output for one token.
func (b *besideExperts) byDefinition(x []float64) []float64 {
	of := func(x []float64, n norm) []float64 { return rmsNorm(x, n.gain, 1e-5) }
	sum := of(b.feed.fed(of(x, b.of[0].norm)), b.of[0].after)
	scores, order, total := b.experts.router.times(of(x, b.experts.routerNorm)), []int{}, 0.0
	for i, s := range scores {
		scores[i] = math.Exp(s)
		order = append(order, i)
	}
	sort.Slice(order, func(i, j int) bool { return scores[order[i]] > scores[order[j]] })
	order = order[:b.experts.Used]
	for _, e := range order {
		total += scores[e]
	}
	mixed, in := make([]float64, len(x)), of(x, b.of[1].norm)
	for _, e := range order {
		for i, v := range b.experts.list[e].fed(in) {
			mixed[i] += scores[e] / total * v
		}
	}
	for i, v := range of(mixed, b.of[1].after) {
		sum[i] += v
	}
	return sum
}

// TestBesideExperts compares with the definition, on every kernel set and in all ways to run a text.
func TestBesideExperts(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, c := range []struct{ width, ffn, expertFFN, count, used, tokens int }{
		{32, 48, 16, 4, 2, 30}, {37, 21, 11, 5, 3, 19}, {64, 64, 40, 9, 1, 41},
	} {
		rng := rand.New(rand.NewPCG(12, uint64(c.width)))
		m := expertsModel(rng, c.width, c.ffn, c.expertFFN, c.count, c.used)
		tokens := make([]int32, c.tokens)
		var want []float64
		for i := range tokens {
			tokens[i] = int32(rng.IntN(11))
			x := make([]float64, c.width)
			for j := range x {
				x[j] = float64(math.Float32frombits(binary.LittleEndian.Uint32(m.output.Data[4*(int(tokens[i])*c.width+j):])))
			}
			for _, l := range m.layers {
				for j, v := range rmsNorm(l[0].mixer.(*besideExperts).byDefinition(x), l[0].after.gain, 1e-5) {
					x[j] += v
				}
			}
			want = append(want, m.output.times(x)...)
		}
		for _, set := range kernel.Available() {
			checkWays(t, fmt.Sprintf("%+v, %s", c, set.Name), m, pool, set, tokens, want)
		}
	}
}
