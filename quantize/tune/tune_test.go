package tune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// bowl is a model of one tensor whose divergence is half the squared distance from a point, another one for every
// window.
type bowl struct {
	values []float32
	points [][]float32
	calls  int
	stop   func(call int)
}

func (b *bowl) Add(context.Context, []int32) error { return nil }
func (b *bowl) Close()                             {}
func (b *bowl) Weights(string) []float32           { return b.values }

func (b *bowl) Divergence(ctx context.Context, window int) (nats float64, err error) {
	for i, v := range b.values {
		d := float64(v - b.points[window][i])
		nats += d * d / 2
	}
	return nats, ctx.Err()
}

func (b *bowl) Gradient(ctx context.Context, window int, visit func(string, []float32)) (float64, error) {
	b.calls++
	if b.stop != nil {
		b.stop(b.calls)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	d := make([]float32, len(b.values))
	for i, v := range b.values {
		d[i] = v - b.points[window][i]
	}
	visit("w", d)
	return b.Divergence(ctx, window)
}

const rows, cols = 4, 512

// example is an encoded tensor and a bowl with its lowest point elsewhere: windows to fit on, and one to judge by.
func example(t *testing.T, typ formats.Type, fit int) (Tensor, *bowl) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 5))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	size, err := typ.RowBytes(cols)
	if err != nil {
		t.Fatal(err)
	}
	tensor := Tensor{Name: "w", Type: typ, Cols: cols, Data: make([]byte, rows*size)}
	importance := make([]float32, cols)
	for i := range importance {
		importance[i] = 1
	}
	if err := encode.Encode(typ, tensor.Data, x, cols, importance); err != nil {
		t.Fatal(err)
	}
	b := &bowl{values: make([]float32, len(x))}
	start := make([]float32, len(x))
	if err := block.Decode(typ, start, tensor.Data); err != nil {
		t.Fatal(err)
	}
	m, err := newMatrix(tensor, b.values)
	if err != nil {
		t.Fatal(err)
	}
	middle, gap := make([]float32, len(x)), float32(0.1) // the encoder's values are not the nearest ones
	for i := range middle {
		if m != nil {
			gap = m.gap * m.scale[i/m.grid.Sub]
		}
		middle[i] = start[i] + gap*float32(2*rng.Float64()-1)
	}
	for range fit {
		p := make([]float32, len(x))
		for i := range p {
			p[i] = middle[i] + 0.1*gap*float32(rng.NormFloat64())
		}
		b.points = append(b.points, p)
	}
	b.points = append(b.points, middle)
	return tensor, b
}

func numbers(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func tune(t *testing.T, tensor Tensor, b *bowl, o Options) *Result {
	t.Helper()
	fit := len(b.points) - 1
	r, err := Run(context.Background(), b, []Tensor{tensor}, numbers(fit), []int{fit}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Levels move to where the divergence is lower, in every type; scales stay.
func TestLevelsFollowTheGradient(t *testing.T) {
	tested := 0
	for typ := range formats.Type(64) {
		if !Tunable(typ) {
			continue
		}
		tested++
		tensor, b := example(t, typ, 60)
		r := tune(t, tensor, b, Options{Passes: 3, Threads: 2})
		if r.Passes != 3 || r.Pass == 0 || !(r.After < 0.9*r.Before) {
			t.Errorf("%v: %g, from %g, after %d of %d passes", typ, r.After, r.Before, r.Pass, r.Passes)
			continue
		}
		now := make([]float32, rows*cols)
		if err := block.Decode(typ, now, r.Data["w"]); err != nil {
			t.Fatal(typ, err)
		}
		b.values = now
		if nats, _ := b.Divergence(context.Background(), 60); !(math.Abs(nats-r.After) < 1e-4*r.After) {
			t.Errorf("%v: the data are %g off, the result says %g", typ, nats, r.After)
		}
		g := encode.GridOf(typ)
		was, is := g.NewLevels(cols), g.NewLevels(cols)
		size := len(tensor.Data) / rows
		for i := range rows {
			g.Read(was, tensor.Data[i*size:][:size])
			g.Read(is, r.Data["w"][i*size:][:size])
			for k := range was.S {
				if was.S[k] != is.S[k] || was.T[k] != is.T[k] {
					t.Fatalf("%v: a scale has changed", typ)
				}
			}
		}
	}
	if tested < 10 {
		t.Errorf("%d types can be tuned", tested)
	}
}

// What is not better on the windows held back is not taken.
func TestStartStaysUnlessOthersAreBetter(t *testing.T) {
	tensor, b := example(t, formats.Q4_K, 30)
	start := make([]float32, rows*cols)
	if err := block.Decode(tensor.Type, start, tensor.Data); err != nil {
		t.Fatal(err)
	}
	b.points[30] = start
	r := tune(t, tensor, b, Options{Passes: 2})
	if r.Data != nil || r.Pass != 0 || r.After != r.Before || r.Passes != 2 {
		t.Errorf("%+v", r)
	}
	tensor, b = example(t, formats.IQ2_S, 30)
	if r := tune(t, tensor, b, Options{}); r.Data != nil || r.Passes != 0 || b.calls > 0 {
		t.Errorf("a type with a codebook: %+v", r)
	}
	if _, err := Run(context.Background(), b, nil, []int{0}, nil, Options{}); !errors.Is(err, ErrNoWindow) {
		t.Errorf("without a window to judge by: %v", err)
	}
	tensor.Data = tensor.Data[1:]
	if _, err := Run(context.Background(), b, []Tensor{tensor}, []int{0}, []int{1}, Options{}); err == nil {
		t.Error("a tensor of another size was accepted")
	}
}

// Neither threads nor interruptions change the result.
func TestSameResultWheneverInterrupted(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	o := Options{Passes: 3, State: state, Key: "one"}
	tensor, b := example(t, formats.Q3_K, 20)
	want := tune(t, tensor, b, Options{Passes: 3})
	same := func(what string, r *Result, calls, least, most int) {
		t.Helper()
		if r.Before != want.Before || r.After != want.After || r.Pass != want.Pass ||
			!bytes.Equal(r.Data["w"], want.Data["w"]) {
			t.Errorf("%s: another result", what)
		}
		if calls < least || calls > most {
			t.Errorf("%s: %d steps, not %d to %d", what, calls, least, most)
		}
	}
	for _, threads := range []int{2, 3, 5} {
		_, b = example(t, formats.Q3_K, 20)
		same("threads", tune(t, tensor, b, Options{Passes: 3, Threads: threads}), b.calls, 60, 60)
	}
	for _, at := range []int{7, 25, 45} {
		os.Remove(state)
		_, b = example(t, formats.Q3_K, 20)
		ctx, cancel := context.WithCancel(context.Background())
		b.stop = func(call int) {
			if call == at {
				cancel()
			}
		}
		if _, err := Run(ctx, b, []Tensor{tensor}, numbers(20), []int{20}, o); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		_, b = example(t, formats.Q3_K, 20)
		same("interrupted", tune(t, tensor, b, o), b.calls, 60-at/20*20, 60-at/20*20)
		same("done", tune(t, tensor, b, o), b.calls, 0, 60)
	}
	_, b = example(t, formats.Q3_K, 20)
	same("done", tune(t, tensor, b, o), b.calls, 0, 0)
	other := o
	other.Key = "two"
	same("another key", tune(t, tensor, b, other), b.calls, 60, 60)
	data, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{data[:len(data)/2], append(bytes.Clone(data[:len(data)-40]), make([]byte, 40)...), nil} {
		if err := os.WriteFile(state, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		_, b = example(t, formats.Q3_K, 20)
		same("damaged state", tune(t, tensor, b, other), b.calls, 60, 60)
	}
}
