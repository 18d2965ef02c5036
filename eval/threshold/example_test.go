package threshold_test

import (
	"fmt"

	"bitmill/eval/threshold"
)

func ExampleFitFidelity() {
	const weights = 1_000_000
	f := threshold.FitFidelity([]threshold.Point{
		{Format: "Q2_K", Bits: 3_160_000, Weights: weights, KLD: .332, KLDSE: .002},
		{Format: "Q3_K_S", Bits: 3_640_000, Weights: weights, KLD: .200, KLDSE: .001},
		{Format: "Q3_K_M", Bits: 4_000_000, Weights: weights, KLD: .0844, KLDSE: .0005},
		{Format: "Q4_K_M", Bits: 4_890_000, Weights: weights, KLD: .0282, KLDSE: .0002},
	}, threshold.Options{Budget: .1})
	fmt.Printf("%s: %.2f BPW [%.3f, %.3f]\n", f.Status, f.BPW, f.Low, f.High)
	fmt.Println(f.Evidence)
	// Output:
	// located: 3.93 BPW [3.925, 3.934]
	// KLD falls through 0.1 nats between Q3_K_S (3.64 BPW, KLD 0.2) and Q3_K_M (4.00 BPW, KLD 0.0844); the interval speaks of the text, not of formats between them.
}
