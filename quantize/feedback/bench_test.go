package feedback

import (
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// BenchmarkChoose chooses rows of a matrix with one thread, in weights per second, and tells what is left of the
// encoder's objective.
func BenchmarkChoose(b *testing.B) {
	pool := infer.NewPool(1)
	defer pool.Close()
	p := newProblem(512, 64)
	for _, typ := range []formats.Type{formats.Q3_K, formats.Q4_K, formats.Q6_K, formats.Q4_0, formats.Q5_1, formats.Q8_0,
		formats.IQ4_XS, formats.IQ3_S, formats.IQ2_XXS, formats.IQ2_S} {
		b.Run(typ.String(), func(b *testing.B) {
			g, start := encode.GridOf(typ), p.start(b, typ)
			s, err := NewSolver(pool, kernel.Best(), p.h, g)
			if err != nil {
				b.Fatal(err)
			}
			m := &matrix{run: &run{pool: pool, Options: Options{Kernel: kernel.Best()}}, g: g, typ: typ, rows: p.rows, n: p.n,
				start: start, solvers: []*Solver{s}}
			var c Choice
			for b.Loop() {
				c = m.choose(p.w)
			}
			b.ReportMetric(float64(p.rows*p.n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mweights/s")
			b.ReportMetric(c.After/c.Before, "left")
		})
	}
}
