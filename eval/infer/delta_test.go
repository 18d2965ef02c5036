package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

// newDelta has random weights; the decays of its heads reach from slow to instant forgetting.
func newDelta(rng *rand.Rand, width int, s arch.SSM, joined bool) *delta {
	d := &delta{qkv: randomLinear(rng, "qkv", s.ConvWidth(), width), z: randomLinear(rng, "z", s.Inner, width),
		out: randomLinear(rng, "out", width, s.Inner), conv: newConv(rng, s.ConvWidth(), s.Conv, false),
		heads: s.Heads, keyHeads: s.Groups, keyDim: s.State, valueDim: s.HeadDim(), tiled: s.Tiled}
	if joined {
		d.both = randomLinear(rng, "both", 2*s.Heads, width)
	} else {
		d.alpha, d.beta = randomLinear(rng, "alpha", s.Heads, width), randomLinear(rng, "beta", s.Heads, width)
	}
	for h := range s.Heads {
		d.a = append(d.a, -float32(math.Exp(8*float64(h)/float64(s.Heads)-4)))
		d.dt = append(d.dt, float32(2*rng.NormFloat64()))
	}
	for range d.valueDim {
		d.gain = append(d.gain, float32(rng.NormFloat64()))
	}
	d.setGains()
	return d
}

// byDefinition runs a sequence token by token in float64.
func (d *delta) byDefinition(x []float32, eps float64) (out []float64) {
	width, dims, cols := d.qkv.Cols, d.keyDim, d.valueDim
	n, group := len(x)/width, d.heads/d.keyHeads
	inputs, channels := make([][]float64, n), []float64(nil)
	for t := range inputs {
		for _, v := range x[t*width:][:width] {
			inputs[t] = append(inputs[t], float64(v))
		}
		channels = append(channels, d.qkv.times(inputs[t])...)
	}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	silu := func(v float64) float64 { return v * sigmoid(v) }
	unit := func(from []float64) []float64 {
		to, sum := make([]float64, len(from)), lengthEps
		for i, v := range from {
			to[i] = silu(v)
			sum += to[i] * to[i]
		}
		for i := range to {
			to[i] /= math.Sqrt(sum)
		}
		return to
	}
	rows, states := d.conv.byDefinition(channels), make([]float64, d.heads*dims*cols)
	for t, in := range inputs {
		row, y, z := rows[t*d.conv.width:][:d.conv.width], make([]float64, d.heads*cols), d.z.times(in)
		alpha, beta, both := d.alpha.times(in), d.beta.times(in), d.both.times(in)
		for h := range d.heads {
			key := h / group
			if d.tiled {
				key = h % d.keyHeads
			}
			var a, b float64
			if d.both.Rows > 0 {
				a, b = both[key*2*group+group+h%group], both[key*2*group+h%group]
			} else {
				a, b = alpha[h], beta[h]
			}
			q, k := unit(row[key*dims:][:dims]), unit(row[(d.keyHeads+key)*dims:][:dims])
			v, s := row[2*d.keyHeads*dims+h*cols:][:cols], states[h*dims*cols:][:dims*cols]
			decay := math.Exp(float64(d.a[h]) * math.Log1p(math.Exp(a+float64(d.dt[h]))))
			sum := 0.0
			for j := range cols {
				read := 0.0
				for i := range dims {
					s[i*cols+j] *= decay
					read += s[i*cols+j] * k[i]
				}
				for i := range dims {
					s[i*cols+j] += k[i] * sigmoid(b) * (silu(v[j]) - read)
					y[h*cols+j] += s[i*cols+j] * q[i] / math.Sqrt(float64(dims))
				}
				sum += y[h*cols+j] * y[h*cols+j]
			}
			for j := range cols {
				y[h*cols+j] *= float64(d.gain[j]) / math.Sqrt(sum/float64(cols)+eps) * silu(z[h*cols+j])
			}
		}
		out = append(out, d.out.times(y)...)
	}
	return out
}

// TestDelta: with heads of odd sizes, at once, in pieces and token by token, beside another sequence and in every
// kernel set, a gated delta net computes its definition.
func TestDelta(t *testing.T) {
	const width, n = 24, 150
	rng := rand.New(rand.NewPCG(12, 0))
	pool := NewPool(2)
	defer pool.Close()
	for i, s := range []arch.SSM{
		{Inner: 64, State: 16, Heads: 4, Groups: 2, Conv: 4, Tiled: true},
		{Inner: 64, State: 16, Heads: 4, Groups: 2, Conv: 4},
		{Inner: 96, State: 9, Heads: 4, Groups: 4, Conv: 4, Tiled: true},
		{Inner: 40, State: 32, Heads: 1, Groups: 1, Conv: 2},
		{Inner: 30, State: 1, Heads: 6, Groups: 2, Conv: 3},
		{Inner: 66, State: 20, Heads: 3, Groups: 1, Conv: 1, Tiled: true},
	} {
		d := newDelta(rng, width, s, i == 1 || i == 4)
		m := &Model{layers: []layer{{{mixer: d}}}, embedding: kernel.Matrix{Rows: 1}}
		m.Config.Width, m.Config.NormEps = width, 1e-5
		m.placeStates()
		x := make([]float32, n*width)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		want := d.byDefinition(x, 1e-5)
		for _, set := range kernel.Available() {
			for _, piece := range []int{n, 64, 70, 7, 1} {
				run := NewRunner(pool, Options{Kernel: set})
				got := slices.Clone(mixed(t, run, m, x, piece))
				sum, off := 0.0, 0.0
				for i, w := range want {
					sum += w * w
					off += (float64(got[i]) - w) * (float64(got[i]) - w)
				}
				if e := math.Sqrt(off / sum); !(e < 4e-6) {
					t.Errorf("%+v, %s, in pieces of %d: the outputs are off by %.1e", s, set.Name, piece, e)
				}
			}
		}
	}
}

// TestDeltaLast: where a delta net is the last mixer with a state, logits of some rows only, of several sequences and on
// any number of threads are those of all rows.
func TestDeltaLast(t *testing.T) {
	for _, name := range []string{"qwen3-5", "qwen3-next"} {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		m.layers, m.stateful = m.layers[:3], nil
		m.placeStates()
		tokens, vocab := c.Tokens, m.Config.Vocab
		want := slices.Clone(forward(t, m, Options{}, 1, Sequence{Tokens: tokens}))
		tolerance := 0.0
		if m.Config.Experts != nil { // an expert with few tokens adds up in another order
			tolerance = 1e-5
		}
		near(t, name+", three threads", forward(t, m, Options{}, 3, Sequence{Tokens: tokens}), want, 0)
		near(t, name+", several sequences", forward(t, m, Options{}, 2,
			Sequence{Tokens: tokens[:30], LogitsFrom: 27},
			Sequence{},
			Sequence{Tokens: tokens[:9], LogitsFrom: 9},
			Sequence{Tokens: tokens, LogitsFrom: len(tokens) - 7},
		), slices.Concat(want[27*vocab:30*vocab], want[len(want)-7*vocab:]), tolerance)
		for _, step := range []int{1, 5, 17} {
			if e := relativeRMS(pieces(t, m, Options{}, tokens, step), want); !(e <= 4e-6) {
				t.Errorf("%s in pieces of %d: differs by %.1e", name, step, e)
			}
		}
	}
}
