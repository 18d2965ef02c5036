package infer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// recurrence is a mixer with another kind of state than attention: a depthwise causal convolution, whose state is the
// last rows of its input, and a moving average, whose state is one row. With u = in·x, for each column
//
//	c[t] = Σ_i taps[i]*u[t-i]      h[t] = decay*h[t-1] + c[t]      y = out·h
type recurrence struct {
	slot
	in, out Linear
	taps    []float32 // [taps][width]
	decay   float32
}

// memory is a recurrence's state.
type memory struct{ window, average []float32 } // [taps-1][width], the newest row first; [width]

func (m *memory) bytes() int64 { return 4 * int64(len(m.window)+len(m.average)) }

func (m *memory) reset() {
	clear(m.window)
	clear(m.average)
}

func (r *recurrence) newState(old state, _ int) state {
	m, ok := old.(*memory)
	if !ok {
		m = new(memory)
	}
	grow(&m.window, len(r.taps)-r.in.Rows)
	grow(&m.average, r.in.Rows)
	m.reset()
	return m
}

func (r *recurrence) stateBytes(int) int64 { return 4 * int64(len(r.taps)) }
func (r *recurrence) matrices() []*Linear  { return []*Linear{&r.in, &r.out} }

func (r *recurrence) mix(p *pass) {
	in, rows := p.input(&r.in), grow(&p.buf.up, p.rows*r.in.Rows)
	p.multiply(in, p.rows, product{dst: rows, w: &r.in})
	p.recall(r)
	p.run(len(p.spans), (*recurrenceStep)(r))
	if r.last && p.narrows {
		p.narrow(rows, r.in.Rows)
	}
	p.prepareRows(rows, p.rows, &r.out)
	p.project(rows, &r.out)
}

type recurrenceStep recurrence

// task runs one sequence, in place.
func (r *recurrenceStep) task(p *pass, _, task int) {
	s, m, width := p.spans[task], p.states[task].(*memory), r.in.Rows
	for t := range s.n {
		for j := range width {
			u := p.buf.up[(s.start+t)*width+j]
			sum := r.taps[j] * u
			for i := width + j; i < len(r.taps); i += width {
				sum += r.taps[i] * m.window[i-width]
			}
			for i := len(m.window) - width + j; i >= width; i -= width {
				m.window[i] = m.window[i-width]
			}
			m.window[j] = u
			m.average[j] = r.decay*m.average[j] + sum
			p.buf.up[(s.start+t)*width+j] = m.average[j]
		}
	}
}

// newRecurrence has random weights.
func newRecurrence(width int) *recurrence {
	rng := rand.New(rand.NewPCG(3, 0))
	matrix := func(name string) Linear {
		data := make([]byte, 0, 4*width*width)
		for range width * width {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(rng.NormFloat64()/math.Sqrt(float64(width)))))
		}
		return Linear{Name: name, Matrix: kernel.Matrix{Type: formats.F32, Rows: width, Cols: width, Data: data}}
	}
	r := &recurrence{in: matrix("in"), out: matrix("out"), taps: make([]float32, 4*width), decay: 0.875}
	for i := range r.taps {
		r.taps[i] = float32(rng.NormFloat64())
	}
	return r
}

// byDefinition is the recurrence over rows x of a whole sequence.
func (r *recurrence) byDefinition(x []float32) []float64 {
	width := r.in.Rows
	product := func(w *Linear, x []float64) []float64 {
		y := make([]float64, len(x))
		for i := range y {
			for j := range width {
				weight := math.Float32frombits(binary.LittleEndian.Uint32(w.Data[4*(i%width*width+j):]))
				y[i] += float64(weight) * x[i/width*width+j]
			}
		}
		return y
	}
	wide := make([]float64, len(x))
	for i := range x {
		wide[i] = float64(x[i])
	}
	u := product(&r.in, wide)
	h := make([]float64, len(u))
	for i := range u {
		for k := 0; k < len(r.taps)/width && k*width <= i; k++ {
			h[i] += float64(r.taps[k*width+i%width]) * u[i-k*width]
		}
		if i >= width {
			h[i] += float64(r.decay) * h[i-width]
		}
	}
	return product(&r.out, h)
}

// TestRecurrence compares a layer of a recurrence alone with the definition.
func TestRecurrence(t *testing.T) {
	const width, n = 32, 50
	r := newRecurrence(width)
	m := &Model{layers: []layer{{{mixer: r}}}, embedding: kernel.Matrix{Rows: 1}}
	m.Config.Width = width
	m.placeStates()
	x := make([]float32, n*width)
	rng := rand.New(rand.NewPCG(4, 0))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	pool := NewPool(2)
	defer pool.Close()
	got, err := NewRunner(pool, Options{}).Layers(m, []Sequence{{Tokens: make([]int32, n)}}, x, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range r.byDefinition(x) {
		if !(math.Abs(float64(got[i]-x[i])-want) < 1e-4) {
			t.Fatalf("token %d, column %d: adds %g, want %g", i/width, i%width, got[i]-x[i], want)
		}
	}
}

// withRecurrence is the case's model with recurrences somewhere in its layers.
func withRecurrence(t *testing.T, c *checkpointtest.Case, place string) *Model {
	m := open(t, c)
	add := func(of int, at int, b branch) {
		b.mixer = newRecurrence(m.Config.Width)
		m.layers[of] = slices.Insert(m.layers[of], at, b)
	}
	last := len(m.layers) - 1
	switch place {
	case "instead of attention in the first layer":
		norm := m.layers[0][0].norm
		m.layers[0] = m.layers[0][1:]
		add(0, 0, branch{norm: norm})
	case "beside attention in each layer":
		for i := range m.layers {
			add(i, 1, branch{parallel: true, scale: 0.5})
		}
	case "beside the feed-forward layer":
		add(last, 2, branch{parallel: true})
	case "as a layer of its own behind the others":
		m.layers = append(m.layers, nil)
		add(last+1, 0, branch{norm: m.layers[0][0].norm})
	case "without attention anywhere":
		for i := range m.layers {
			norm := m.layers[i][0].norm
			m.layers[i] = m.layers[i][1:]
			add(i, 0, branch{norm: norm})
		}
	}
	m.stateful = nil
	m.placeStates()
	return m
}

// TestStates: wherever a layer has a mixer with its own kind of state, a prompt gives the same logits at once, in
// pieces and token by token, alone and among others, with a cache and without, and again after Reset.
func TestStates(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	tokens := c.Tokens
	pool := NewPool(2)
	defer pool.Close()
	for _, place := range []string{"instead of attention in the first layer", "beside attention in each layer",
		"beside the feed-forward layer", "as a layer of its own behind the others", "without attention anywhere"} {
		m := withRecurrence(t, c, place)
		want := slices.Clone(forward(t, m, Options{}, 2, Sequence{Tokens: tokens}))
		if e := relativeRMS(want, forward(t, open(t, c), Options{}, 2, Sequence{Tokens: tokens})); !(e > 0.1) {
			t.Errorf("%s: the recurrence moves the logits by %.1e only", place, e)
		}
		for _, step := range []int{len(tokens), 16, 12} {
			near(t, place+", in pieces", pieces(t, m, Options{}, tokens, step), want, 0)
		}
		if e := relativeRMS(pieces(t, m, Options{}, tokens, 1), want); !(e <= 4e-6) { // summed in another order
			t.Errorf("%s, token by token: differs by %.1e", place, e)
		}

		r, cache := NewRunner(pool, Options{}), m.NewCache(len(tokens))
		run := func(seqs ...Sequence) []float32 {
			t.Helper()
			logits, err := r.Forward(m, seqs)
			if err != nil {
				t.Fatal(err)
			}
			return logits
		}
		tail := want[(len(tokens)-9)*m.Config.Vocab:]
		run(Sequence{Tokens: tokens[:11]}, Sequence{Tokens: tokens[7:29], Cache: cache, LogitsFrom: 22})
		cache.Reset()
		run(Sequence{Tokens: tokens[:20], Cache: cache}, Sequence{Tokens: tokens[3:]})
		got := run(Sequence{Tokens: tokens[5:30], LogitsFrom: 25},
			Sequence{Tokens: tokens[20:], Cache: cache, LogitsFrom: len(tokens) - 29},
			Sequence{Tokens: tokens, LogitsFrom: len(tokens) - 9})
		near(t, place+", behind others", got, slices.Concat(tail, tail), 0)

		states, attending := 0, 0
		for _, x := range m.stateful {
			if r, ok := x.(*recurrence); ok {
				states += 4 * len(r.taps) // three rows of the window and the average
			} else {
				attending++
			}
		}
		keysAndValues := open(t, c).NewCache(len(tokens)).Bytes() / int64(m.Config.Layers) * int64(attending)
		if states == 0 || cache.Bytes() != int64(states)+keysAndValues {
			t.Errorf("%s: a cache of %d bytes, want %d+%d", place, cache.Bytes(), states, keysAndValues)
		}
		cache.Reset()
		seqs := []Sequence{{Tokens: tokens[:1], Cache: cache}}
		if n := steadyAllocs(20, func() { run(seqs...) }); n != 0 {
			t.Errorf("%s: %v allocations a token", place, n)
		}
	}
}

// TestLayers: run layer by layer, the residual stream is the one of all layers at once, and gives the logits of
// Forward.
func TestLayers(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	for _, name := range []string{"llama", "gemma2", "cohere", "deepseek-v3", "gemma4-moe"} {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		seqs := []Sequence{{Tokens: c.Tokens[:20]}, {Tokens: c.Tokens[11:]}}
		r, n := NewRunner(pool, Options{}), len(m.layers)
		run := func(x []float32, from, to int) []float32 {
			t.Helper()
			x, err := r.Layers(m, seqs, x, from, to)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		want := slices.Clone(run(nil, 0, n))
		x := run(nil, 0, 0)
		for i := range n {
			x = slices.Clone(run(x, i, i+1))
		}
		near(t, name+", layer after layer", x, want, 0)

		logits := slices.Clone(forward(t, m, Options{}, 2, seqs...))
		p := &r.pass
		p.residual = residual{}
		near(t, name+", its logits", p.wantedLogits(), logits, 0)

		for _, bad := range []struct {
			x        []float32
			from, to int
			cache    *Cache
		}{{x[1:], 0, 1, nil}, {nil, 0, 1, m.NewCache(99)}} {
			seqs[1].Cache = bad.cache
			if _, err := r.Layers(m, seqs, bad.x, bad.from, bad.to); err == nil {
				t.Errorf("%s: layers %d to %d with %d values ran", name, bad.from, bad.to, len(bad.x))
			}
		}
	}
}
