package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

// randomLinear is a matrix of random F32 weights.
func randomLinear(rng *rand.Rand, name string, rows, cols int) Linear {
	data := make([]byte, 0, 4*rows*cols)
	for range rows * cols {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(rng.NormFloat64()/math.Sqrt(float64(cols)))))
	}
	return Linear{Name: name, Matrix: kernel.Matrix{Type: formats.F32, Rows: rows, Cols: cols, Data: data}}
}

// times is W·x in float64.
func (w *Linear) times(x []float64) []float64 {
	y := make([]float64, w.Rows)
	for i := range y {
		for j, v := range x {
			y[i] += float64(math.Float32frombits(binary.LittleEndian.Uint32(w.Data[4*(i*w.Cols+j):]))) * v
		}
	}
	return y
}

// newMamba has random weights; the rates of its heads reach from slow to instant forgetting.
func newMamba(rng *rand.Rand, width int, s arch.SSM, gated bool) *mamba {
	m := &mamba{SSM: s, in: randomLinear(rng, "in", s.Inner+s.ConvWidth()+s.Heads, width),
		out: randomLinear(rng, "out", width, s.Inner), conv: newConv(rng, s.ConvWidth(), s.Conv, s.Conv%2 == 0)}
	for h := range s.Heads {
		m.a = append(m.a, -float32(math.Exp(8*float64(h)/float64(s.Heads)-4)))
		m.d = append(m.d, float32(rng.NormFloat64()))
		m.dtBias = append(m.dtBias, float32(3*rng.NormFloat64()))
	}
	if gated {
		m.gains.part = s.Inner / s.Groups
		for range s.Inner {
			m.gains.gain = append(m.gains.gain, float32(rng.NormFloat64()))
		}
	}
	return m
}

// byDefinition runs a sequence token by token in float64.
func (m *mamba) byDefinition(x []float32, eps float64) (out []float64) {
	width, dims := m.in.Cols, m.HeadDim()
	var columns, gates, rates []float64
	for t := range len(x) / width {
		row := make([]float64, width)
		for i := range row {
			row[i] = float64(x[t*width+i])
		}
		z := m.in.times(row)
		gates = append(gates, z[:m.Inner]...)
		columns = append(columns, z[m.Inner:m.Inner+m.ConvWidth()]...)
		rates = append(rates, z[m.Inner+m.ConvWidth():]...)
	}
	silu := func(v float64) float64 { return v / (1 + math.Exp(-v)) }
	u := m.conv.byDefinition(columns)
	state := make([]float64, m.Inner*m.State)
	for t := range len(x) / width {
		row := u[t*m.ConvWidth():][:m.ConvWidth()]
		for i, v := range row {
			row[i] = silu(v)
		}
		y := make([]float64, m.Inner)
		for i := range y {
			h := i / dims
			group := h / (m.Heads / m.Groups)
			b, c := row[m.Inner+group*m.State:], row[m.Inner+(m.Groups+group)*m.State:]
			delta := math.Log1p(math.Exp(rates[t*m.Heads+h] + float64(m.dtBias[h])))
			y[i] = float64(m.d[h]) * row[i]
			for n := range m.State {
				s := &state[i*m.State+n]
				*s = math.Exp(delta*float64(m.a[h]))**s + delta*b[n]*row[i]
				y[i] += c[n] * *s
			}
			y[i] *= silu(gates[t*m.Inner+i])
		}
		for at := 0; m.gains.gain != nil && at < m.Inner; at += m.gains.part {
			sum := 0.0
			for _, v := range y[at : at+m.gains.part] {
				sum += v * v
			}
			for i := at; i < at+m.gains.part; i++ {
				y[i] *= float64(m.gains.gain[i]) / math.Sqrt(sum/float64(m.gains.part)+eps)
			}
		}
		out = append(out, m.out.times(y)...)
	}
	return out
}

// TestMamba: with heads, groups and states of odd sizes, at once, in pieces and token by token, beside other sequences
// and in every kernel set, a state space computes its definition.
func TestMamba(t *testing.T) {
	const width, n = 24, 150
	rng := rand.New(rand.NewPCG(11, 0))
	pool := NewPool(2)
	defer pool.Close()
	for _, s := range []arch.SSM{
		{Inner: 64, State: 16, Heads: 4, Groups: 1, Conv: 4},
		{Inner: 96, State: 9, Heads: 4, Groups: 2, Conv: 4},
		{Inner: 40, State: 32, Heads: 1, Groups: 1, Conv: 2},
		{Inner: 30, State: 1, Heads: 6, Groups: 6, Conv: 3},
		{Inner: 64, State: 20, Heads: 2, Groups: 1, Conv: 1},
	} {
		r := newMamba(rng, width, s, s.State != 9)
		m := &Model{layers: []layer{{{mixer: r}}}, embedding: kernel.Matrix{Rows: 1}}
		m.Config.Width, m.Config.NormEps = width, 1e-5
		m.placeStates()
		x := make([]float32, n*width)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		want := r.byDefinition(x, 1e-5)
		for _, set := range kernel.Available() {
			for _, piece := range []int{n, 64, 70, 7, 1} {
				run := NewRunner(pool, Options{Kernel: set})
				got := slices.Clone(mixed(t, run, m, x, piece))
				sum, off := 0.0, 0.0
				for i, w := range want {
					sum += w * w
					off += (float64(got[i]) - w) * (float64(got[i]) - w)
				}
				if e := math.Sqrt(off / sum); !(e < 2e-6) {
					t.Errorf("%+v, %s, in pieces of %d: the outputs are off by %.1e", s, set.Name, piece, e)
				}
			}
		}
	}
}

// mixed is what the only layer of m adds to x, a sequence given in pieces beside another one.
func mixed(t *testing.T, r *Runner, m *Model, x []float32, piece int) (out []float32) {
	t.Helper()
	width := m.Config.Width
	n := len(x) / width
	cache := m.NewCache(n)
	other := Sequence{Tokens: make([]int32, 3)}
	p := &r.pass
	for at := 0; at < n; at += piece {
		some := min(piece, n-at)
		if err := p.begin(m, []Sequence{other, {Tokens: make([]int32, some), Cache: cache}}); err != nil {
			t.Fatal(err)
		}
		rows := grow(&p.buf.x, (3+some)*width)
		for i := range rows[:3*width] {
			rows[i] = float32(i%7) - 3
		}
		copy(rows[3*width:], x[at*width:])
		p.layer(m.layers[0])
		out = append(out, p.residual.rows[3*width:]...)
		cache.length += some
	}
	if p.err != nil {
		t.Fatal(fmt.Errorf("in pieces of %d: %w", piece, p.err))
	}
	return out
}

// TestStateSpaces: models with state spaces give the same logits however a prompt is cut, alone and beside others, again
// after Reset, and with other numbers of threads. A token allocates nothing.
func TestStateSpaces(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	for _, name := range []string{"granite-hybrid", "nemotron-h-moe", "falcon-h1-scaled", "mamba2"} {
		c := checkpointtest.Load(t, name)
		m, tokens := open(t, c), slices.Concat(c.Tokens, c.Tokens, c.Tokens[:11])
		want := slices.Clone(forward(t, m, Options{}, 1, Sequence{Tokens: tokens}))
		near(t, name+", two threads", forward(t, m, Options{}, 2, Sequence{Tokens: tokens}), want, 0)
		for _, step := range []int{64, 50, 7, 1} {
			if e := relativeRMS(pieces(t, m, Options{}, tokens, step), want); !(e < 1e-5) {
				t.Errorf("%s: in pieces of %d the logits differ by %.1e", name, step, e)
			}
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
		run(Sequence{Tokens: tokens[:20], Cache: cache}, Sequence{Tokens: tokens[9:40]})
		cache.Reset()
		got := run(Sequence{Tokens: tokens[5:10], LogitsFrom: 5},
			Sequence{Tokens: tokens, Cache: cache, LogitsFrom: len(tokens) - 9}, Sequence{Tokens: tokens[:1]})
		limit := 0.0
		if m.Config.Experts != nil { // experts with more tokens multiply them by another kernel
			limit = 1e-5
		}
		near(t, name+", among others", got[:len(tail)], tail, limit)

		cache.Reset()
		seqs := []Sequence{{Tokens: tokens[:1], Cache: cache}}
		if n := steadyAllocs(20, func() { run(seqs...) }); n != 0 {
			t.Errorf("%s: %v allocations a token", name, n)
		}
		if s := m.stateful[0].(interface{ stateBytes(int) int64 }).stateBytes(7); s <= 0 {
			t.Errorf("%s: a token reads %d bytes of states", name, s)
		}
	}
}
