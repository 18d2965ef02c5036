package bench_test

import (
	"fmt"

	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/machine"
)

// A model of 4 GB of weights that generates 5 tokens a second, on a machine that reads 25 GB a second: reading weights
// takes 80 % of the time, so that no faster kernel could make it much faster.
func ExampleBoundOf() {
	speeds := bench.Samples{4.9, 5.1, 5}
	rates := machine.Rates{ReadBytes: 25e9, Int8: 500e9, Float: 50e9, BF16: 100e9}
	bound := bench.BoundOf(rates, infer.Work{WeightBytes: 4e9}, speeds.Mean())
	fmt.Printf("%.1f ± %.1f t/s, %.0f %% of the memory's speed\n", speeds.Mean(), speeds.SD(), 100*bound.Memory)
	// Output: 5.0 ± 0.1 t/s, 80 % of the memory's speed
}
