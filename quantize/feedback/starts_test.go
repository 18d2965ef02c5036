package feedback

import (
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/quantize"
	"bitmill/quantize/encode"
)

// More starts never make the objective larger, and all together make it smaller.
func TestStarts(t *testing.T) {
	pool := infer.NewPool(2)
	defer pool.Close()
	for _, typ := range []formats.Type{formats.Q3_K, formats.Q4_K, formats.IQ3_S} {
		p := newProblem(256, 19)
		h, g := newPanelled(p.n, p.n), encode.GridOf(typ)
		copy(h.v, p.h.v)
		added := h.damp(0.01)
		start := p.start(t, typ)
		solver, err := NewSolver(pool, kernel.Best(), h, g)
		if err != nil {
			t.Fatal(err)
		}
		var losses []float64
		for count := range quantize.MostStarts + 1 {
			solvers, err := solver.others(pool, h, added, count)
			if err != nil || len(solvers) != max(1, count) {
				t.Fatalf("%d solvers of %d: %v", len(solvers), count, err)
			}
			m := &matrix{run: &run{pool: pool, Options: Options{Kernel: kernel.Best()}}, g: g, typ: typ, rows: 19, n: p.n,
				start: start, solvers: solvers}
			losses = append(losses, m.choose(p.w).After)
			if n := len(losses); n > 1 && losses[n-1] > losses[n-2] {
				t.Errorf("%v: %g with %d starts, %g with one fewer", typ, losses[n-1], count, losses[n-2])
			}
		}
		t.Logf("%v: %.4f of the loss with all starts", typ, losses[quantize.MostStarts]/losses[1])
		if losses[0] != losses[1] || !(losses[quantize.MostStarts] < losses[1]) {
			t.Errorf("%v: %v", typ, losses)
		}
	}
}
