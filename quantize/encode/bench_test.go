package encode

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkEncode reports weights per second and core, for rows of 4096 normally distributed values, without and with
// importance.
func BenchmarkEncode(b *testing.B) {
	const cols, rows = 4096, 4
	rng := rand.New(rand.NewPCG(1, 2))
	src, importance := make([]float32, rows*cols), make([]float32, cols)
	for i := range src {
		src[i] = float32(rng.NormFloat64() * 0.05)
	}
	for i := range importance {
		importance[i] = float32(rng.ExpFloat64())
	}
	for i := range encoders {
		typ := encoders[i].typ
		size, _ := typ.RowBytes(cols)
		dst := make([]byte, rows*size)
		run := func(name string, importance []float32) {
			b.Run(typ.String()+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := Encode(typ, dst, src, cols, importance); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*rows*cols/b.Elapsed().Seconds()/1e6, "Mweights/s")
			})
		}
		if encoders[i].use != required {
			run("plain", nil)
		}
		if encoders[i].use != unused {
			run("importance", importance)
		}
	}
}
