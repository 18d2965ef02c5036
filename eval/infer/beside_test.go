package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
)

// fakeTable is a second embedding.
type fakeTable struct {
	rows  []float32
	width int64
}

func (f fakeTable) Floats(dst []float32, first, n int64) error {
	copy(dst, f.rows[first*f.width:(first+n)*f.width])
	return nil
}

func randomFloats(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// besideModel has two layers with a recurrence in the first, inputs of their own, and several residual streams unless
// their number is 0.
func besideModel(rng *rand.Rand, width, input int, a arch.AltUp) *Model {
	m := &Model{embedding: randomLinear(rng, "embedding", 11, width).Matrix}
	c := &m.Config
	c.Width, c.Vocab, c.Layers, c.NormEps, c.AltUp, c.LayerInput.Size = width, 11, 2, 1e-5, a, input
	m.output = Linear{Matrix: m.embedding}
	gains := func(n int) norm { return norm{gain: randomFloats(rng, n)} }
	linear := func(rows, cols int) Linear { return randomLinear(rng, "w", rows, cols) }
	stack := func() (list []Linear) {
		for range a.Streams - 1 {
			list = append(list, linear(width, width))
		}
		return list
	}
	inputs := &layerInputs{table: fakeTable{randomFloats(rng, 11*2*input), int64(2 * input)},
		projection: linear(2*input, width), norm: randomFloats(rng, input), width: 2 * input}
	m.opening = layer{{mixer: inputs}}
	for i := range 2 {
		gated := &gatedInput{gate: linear(input, width), up: linear(width, input), layer: i}
		low := branch{norm: gains(width), out: math.Sqrt2 / 2,
			mixer: &laurel{left: linear(3, width), right: linear(width, 3), norm: gains(width)}}
		l := layer{low, {mixer: gated, after: gains(width), out: 0.75}}
		if i == 0 {
			l[0].parallel = true
			l = append(layer{{norm: gains(width), mixer: newRecurrence(width), after: gains(width)}}, l...)
		}
		if n := a.Streams; n > 0 {
			gated.scale = randomFloats(rng, width)
			before := altUp{AltUp: a, router: linear(n, width), coefs: linear(n*n, n)}
			behind := altUp{AltUp: a, router: linear(n, width), coefs: linear(n, n)}
			last := len(l) - 1
			l[last].out = 0
			l = slices.Insert(l, last, branch{norm: gains(width), mixer: &correction{behind}})
			l = slices.Insert(l, 0, branch{norm: gains(width), mixer: &prediction{before}})
			l = append(l, branch{mixer: &spread{a.Active}})
		}
		m.layers = append(m.layers, l)
	}
	if a.Streams > 0 {
		m.opening = append(m.opening, branch{mixer: &expansion{stack(), a.Active}})
		m.closing = layer{{mixer: &merging{stack()}}}
	}
	m.placeStates()
	return m
}

// rmsNorm is x / sqrt(mean(x²)+eps) * gain.
func rmsNorm(x []float64, gain []float32, eps float64) []float64 {
	mean, y := eps, make([]float64, len(x))
	for _, v := range x {
		mean += v * v / float64(len(x))
	}
	for i, v := range x {
		y[i] = v / math.Sqrt(mean) * float64(gain[i])
	}
	return y
}

// besideRun computes a besideModel by definition, a sequence token by token.
type besideRun struct {
	m       *Model
	x       [][]float64   // of each token: the residual stream, or the active one
	streams [][][]float64 // of each token
	inputs  [][]float64   // of each token, of all layers
	normed  [][]float64   // the last branch's norm
	pending [][]float64   // what spread adds
}

func (r *besideRun) norm(x []float64, n norm) []float64 { return rmsNorm(x, n.gain, 1e-5) }

// open starts a token.
func (r *besideRun) open(token int32) {
	m, width := r.m, r.m.Config.Width
	x := make([]float64, width)
	for i := range x {
		x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(m.output.Data[4*(int(token)*width+i):])))
	}
	e := m.opening[0].mixer.(*layerInputs)
	size := len(e.norm)
	row := make([]float32, e.width)
	e.table.Floats(row, int64(token), 1)
	projected := e.projection.times(x)
	for i := range projected {
		projected[i] /= math.Sqrt(float64(width))
	}
	var input []float64
	for at := 0; at < e.width; at += size {
		for i, v := range rmsNorm(projected[at:at+size], e.norm, 1e-5) {
			input = append(input, (v+math.Sqrt(float64(size))*float64(row[at+i]))/math.Sqrt2)
		}
	}
	r.inputs = append(r.inputs, input)
	if len(m.opening) > 1 {
		streams := [][]float64{x}
		for _, w := range m.opening[1].mixer.(*expansion).list {
			streams = append(streams, asLargeAs(x, w.times(x)))
		}
		r.streams = append(r.streams, streams)
		x = streams[m.Config.AltUp.Active]
	}
	r.x = append(r.x, x)
}

// asLargeAs scales y to the length of x.
func asLargeAs(x, y []float64) []float64 {
	var a, b float64
	for i := range x {
		a, b = a+x[i]*x[i], b+y[i]*y[i]
	}
	z := make([]float64, len(y))
	for i := range z {
		z[i] = y[i] * math.Sqrt(a/max(b, 1e-5*float64(len(x))))
	}
	return z
}

// coefficients are coefs·tanh(router·norm(x)).
func (r *besideRun) coefficients(a *altUp, n norm, x []float64) []float64 {
	routed := a.router.times(r.norm(x, n))
	for i, v := range routed {
		routed[i] = math.Tanh(v)
	}
	return a.coefs.times(routed)
}

// output is what a branch adds to token t.
func (r *besideRun) output(b *branch, t int) []float64 {
	x := r.x[t]
	switch b := b.mixer.(type) {
	case *laurel:
		y := r.norm(b.right.times(b.left.times(r.normed[t])), b.norm)
		for i, v := range r.normed[t] {
			y[i] += v
		}
		return y
	case *gatedInput:
		in := slices.Clone(x)
		for i := range b.scale {
			in[i] *= float64(b.scale[i])
		}
		gate := b.gate.times(in)
		for i, g := range gate {
			gelu := g * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g))) / 2
			gate[i] = gelu * r.inputs[t][b.layer*len(gate)+i]
		}
		return b.up.times(gate)
	}
	panic("another branch")
}

func (r *besideRun) branch(b *branch, spreads bool) {
	if b.norm.gain != nil && !b.parallel {
		r.normed = nil
		for _, x := range r.x {
			r.normed = append(r.normed, r.norm(x, b.norm))
		}
	}
	var outputs [][]float64
	switch mixer := b.mixer.(type) {
	case *prediction:
		for t := range r.x {
			coefs, n := r.coefficients(&mixer.altUp, b.norm, r.x[t]), mixer.Streams
			old := r.streams[t]
			r.streams[t] = nil
			for to := range n {
				x := slices.Clone(old[to])
				for from := range n {
					for i := range x {
						x[i] += coefs[to*n+from] * old[from][i]
					}
				}
				r.streams[t] = append(r.streams[t], x)
			}
			r.x[t] = slices.Clone(r.streams[t][mixer.Active])
		}
		return
	case *correction:
		for t := range r.x {
			coefs, active := r.coefficients(&mixer.altUp, b.norm, r.x[t]), slices.Clone(r.streams[t][mixer.Active])
			for a, x := range r.streams[t] {
				for i := range x {
					x[i] += (1 + coefs[a]) * (r.x[t][i] - active[i])
				}
			}
			r.x[t] = slices.Clone(r.streams[t][mixer.Active])
		}
		return
	case *spread:
		for t := range r.x {
			for _, x := range r.streams[t][1:] {
				for i := range x {
					x[i] += r.pending[t][i]
				}
			}
			r.x[t] = slices.Clone(r.streams[t][mixer.active])
		}
		return
	case *recurrence:
		var rows []float32
		for _, x := range r.normed {
			for _, v := range x {
				rows = append(rows, float32(v))
			}
		}
		outputs = slices.Collect(slices.Chunk(mixer.byDefinition(rows), len(r.x[0])))
	default:
		for t := range r.x {
			outputs = append(outputs, r.output(b, t))
		}
	}
	r.pending = nil
	for t, y := range outputs {
		if b.after.gain != nil {
			y = r.norm(y, b.after)
		}
		if r.pending = append(r.pending, y); spreads {
			continue
		}
		for i := range y {
			if r.x[t][i] += y[i]; b.out != 0 {
				r.x[t][i] *= float64(b.out)
			}
		}
	}
}

// logits are those of all tokens.
func (r *besideRun) logits() (out []float64) {
	for _, l := range r.m.layers {
		for i := range l {
			_, spreads := l[min(i+1, len(l)-1)].mixer.(*spread)
			r.branch(&l[i], spreads && i+1 < len(l))
		}
	}
	for t, x := range r.x {
		if r.streams != nil {
			all, list := r.streams[t], r.m.closing[0].mixer.(*merging).list
			x = slices.Clone(all[0])
			for k, w := range list {
				for i, v := range asLargeAs(all[0], w.times(all[k+1])) {
					x[i] += v
				}
			}
			for i := range x {
				x[i] /= float64(len(all))
			}
		}
		out = append(out, r.m.output.times(x)...)
	}
	return out
}

// TestBesideResidualStream: inputs of layers, products of low rank beside attention, and several residual streams
// compute their definition, on every kernel set and in all ways to run a text.
func TestBesideResidualStream(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, size := range []struct {
		width, input, tokens int
		a                    arch.AltUp
	}{
		{32, 5, 20, arch.AltUp{}}, {37, 8, 19, arch.AltUp{}}, {64, 16, 40, arch.AltUp{Streams: 4}},
		{37, 7, 19, arch.AltUp{Streams: 2, Active: 1}}, {96, 12, 33, arch.AltUp{Streams: 5, Active: 3}},
	} {
		rng := rand.New(rand.NewPCG(9, uint64(size.width)))
		m := besideModel(rng, size.width, size.input, size.a)
		run := besideRun{m: m}
		tokens := make([]int32, size.tokens)
		for i := range tokens {
			tokens[i] = int32(rng.IntN(11))
			run.open(tokens[i])
		}
		want := run.logits()
		for _, set := range kernel.Available() {
			checkWays(t, fmt.Sprintf("%+v, %s", size, set.Name), m, pool, set, tokens, want)
		}
	}
}

// TestKeepLargest compares with the definition.
func TestKeepLargest(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 0))
	for _, n := range []int{1, 3, 64, 1001} {
		for _, cut := range []float64{-0.5, 0, 1.6448536} {
			x := randomFloats(rng, n)
			var mean, square float64
			for _, v := range x {
				mean += float64(v) / float64(n)
			}
			for _, v := range x {
				square += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			got := slices.Clone(x)
			keepLargest(got, cut)
			for i, v := range x {
				want := max(float64(v)-mean-cut*math.Sqrt(square), 0)
				if !(math.Abs(float64(got[i])-want) < 1e-6) {
					t.Fatalf("%d values, cut %g: value %d is %g, want %g", n, cut, i, got[i], want)
				}
			}
		}
	}
}
