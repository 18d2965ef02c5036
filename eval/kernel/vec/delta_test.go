package vec

import (
	"math"
	"testing"
)

// TestDeltaStep compares some steps in a row with the same in float64.
func TestDeltaStep(t *testing.T) {
	for _, s := range available() {
		for _, rows := range []int{0, 1, 3, 4, 5, 8, 37, 128} {
			for _, cols := range []int{0, 16, 48, 128} {
				rng := random(uint64(rows*cols + 1))
				state, want := randomFloats(rng, rows*cols), make([]float64, rows*cols)
				for i, v := range state {
					want[i] = float64(v)
				}
				for range 3 {
					k, q, v := scaled(randomFloats(rng, rows), 0.1), randomFloats(rng, rows), randomFloats(rng, cols)
					decay, beta := rng.Float32(), rng.Float32()
					y := make([]float32, cols)
					state = guarded(t, state, func(x []float32) { s.DeltaStep(x, k, q, v, y, decay, beta) })
					for j := range cols {
						at := func(i int) *float64 { return &want[j/16*16*rows+16*i+j%16] }
						read, sum := 0.0, 0.0
						for i := range rows {
							read += float64(k[i]) * *at(i)
						}
						d := float64(beta) * (float64(v[j]) - float64(decay)*read)
						for i := range rows {
							*at(i) = float64(decay)**at(i) + float64(k[i])*d
							sum += float64(q[i]) * *at(i)
						}
						if !(math.Abs(float64(y[j])-sum) <= 1e-5) {
							t.Fatalf("%s %dx%d: column %d reads %g, not %g", s.Name, rows, cols, j, y[j], sum)
						}
					}
					for i := range want {
						if !(math.Abs(float64(state[i])-want[i]) <= 1e-5) {
							t.Fatalf("%s %dx%d: state %d is %g, not %g", s.Name, rows, cols, i, state[i], want[i])
						}
					}
				}
			}
		}
	}
}

func BenchmarkDeltaStep(b *testing.B) {
	const n = 128
	for _, s := range available() {
		rng := random(1)
		state, y := randomFloats(rng, n*n), make([]float32, n)
		k, v := scaled(randomFloats(rng, n), 0.1), randomFloats(rng, n)
		b.Run(s.Name, func(b *testing.B) {
			for b.Loop() {
				s.DeltaStep(state, k, k, v, y, 0.9, 0.5)
			}
		})
	}
}
