package diff

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// q8 stores values as Q8_0 with a scale of 1 per block of 32: whole numbers from -128 to 127.
func q8(values []float32) (b []byte) {
	for i := 0; i < len(values); i += 32 {
		b = append(b, 0x00, 0x3c)
		for _, v := range values[i : i+32] {
			b = append(b, byte(int8(v)))
		}
	}
	return b
}

func TestRelative(t *testing.T) {
	const cols, rows, experts = 64, 6, 3
	rng := rand.New(rand.NewPCG(1, 1))
	x, q := make([]float32, cols*rows*experts), make([]float32, cols*rows*experts)
	weights := make([]float32, cols*experts)
	for i := range weights {
		weights[i] = rng.Float32()
	}
	plain, plainPower, weighted, power := 0.0, 0.0, 0.0, 0.0
	for i := range x {
		x[i] = float32(100 * rng.NormFloat64() / 4)
		q[i] = float32(int8(x[i]))
		w := float64(weights[i/(cols*rows)*cols+i%cols])
		d := float64(x[i]) - float64(q[i])
		plain, plainPower = plain+d*d, plainPower+float64(x[i])*float64(x[i])
		weighted, power = weighted+w*d*d, power+w*float64(x[i])*float64(x[i])
	}
	zero := make([]float32, 32)
	shape := []int64{cols, rows, experts}
	source := open(t, meta(), tensor{"experts", formats.F32, shape, f32(x...)}, tensor{"norm", formats.F32, []int64{32}, f32(zero...)}, tensor{"zero", formats.F32, []int64{32, 1}, f32(zero...)})
	made := open(t, meta(), tensor{"experts", formats.Q8_0, shape, q8(q)}, tensor{"norm", formats.F32, []int64{32}, f32(zero...)}, tensor{"zero", formats.Q8_0, []int64{32, 1}, q8(zero)})
	same := open(t, meta(), tensor{"experts", formats.F32, shape, f32(x...)})
	artifacts := []*checkpoint.Checkpoint{made, same}
	for _, c := range []struct {
		name    string
		weights []float32
		want    float64
	}{{"all alike", nil, math.Sqrt(plain / plainPower)}, {"by expert", weights, math.Sqrt(weighted / power)}, {"of another model", weights[:40], math.Sqrt(plain / plainPower)}} {
		o := RelativeOptions{Weights: func(string) []float32 { return c.weights }}
		o.Progress = func(done, total int64) {
			if done > total {
				t.Errorf("%d of %d", done, total)
			}
		}
		e, err := Relative(t.Context(), source, artifacts, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Relative[0][0]; math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
		for _, none := range []float64{e.Relative[0][1], e.Relative[0][2], e.Relative[1][0], e.Relative[1][1]} {
			if !math.IsNaN(none) {
				t.Errorf("%s: %v where nothing can be measured", c.name, none)
			}
		}
		if e.Sampled != 0 || (e.Weighted == 1) != (c.name == "by expert") {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// A tensor beyond Whole is judged by rows from all of it, near what all rows say.
func TestRelativeSamples(t *testing.T) {
	const cols, rows = 32, 200_000
	rng := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, cols*rows)
	for i := range x {
		x[i] = float32(20 * rng.NormFloat64())
	}
	shape := []int64{cols, rows}
	source := open(t, meta(), tensor{"w", formats.F32, shape, f32(x...)})
	made := open(t, meta(), tensor{"w", formats.Q8_0, shape, q8(x)})
	whole, err := Relative(t.Context(), source, []*checkpoint.Checkpoint{made}, RelativeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	old := sampledValues
	defer func() { sampledValues = old }()
	sampledValues = 1 << 20
	some, err := Relative(t.Context(), source, []*checkpoint.Checkpoint{made}, RelativeOptions{Whole: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	a, b := whole.Relative[0][0], some.Relative[0][0]
	if some.Sampled != 1 || whole.Sampled != 0 || a == b || math.Abs(a/b-1) > .01 {
		t.Errorf("%v of all, %v of a sample: %+v", a, b, some)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Relative(ctx, source, []*checkpoint.Checkpoint{made}, RelativeOptions{}); err == nil {
		t.Error("cancelled, and no error")
	}
}
