package encode

import (
	"math/rand/v2"
	"testing"

	"bitmill/formats/cpu"
)

// BenchmarkEncode reports weights per second and core, for rows of 4096 normally distributed values, without and with
// importance, by plain Go and by every set of lanes: the fastest of many runs of 16 rows, so that other work on the
// machine disturbs little.
func BenchmarkEncode(b *testing.B) {
	const cols, rows = 4096, 16
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
		for name, importance := range map[string][]float32{"plain": nil, "importance": importance} {
			if importance == nil && encoders[i].use == required || importance != nil && encoders[i].use == unused {
				continue
			}
			for _, set := range cpu.Available() {
				b.Run(typ.String()+"/"+name+"/"+set, func(b *testing.B) {
					b.Setenv(cpu.Env, set)
					best := float64(0)
					for b.Loop() {
						start := b.Elapsed()
						if err := Encode(typ, dst, src, cols, importance); err != nil {
							b.Fatal(err)
						}
						best = max(best, rows*cols/(b.Elapsed()-start).Seconds()/1e6)
					}
					b.ReportMetric(best, "Mweights/s")
				})
			}
		}
	}
}
