package pareto_test

import (
	"fmt"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
)

func ExampleChoose() {
	files := []pareto.Candidate{
		{Model: "m", Format: "Q8_0", FileBytes: 850, Loss: 1.000, KLD: 0.001, KLDSE: 0.0001},
		{Model: "m", Format: "Q4_K_M", FileBytes: 480, Loss: 1.010, KLD: 0.02, KLDSE: 0.001},
		{Model: "m", Format: "Q4_0", FileBytes: 490, Loss: 1.020, KLD: 0.04, KLDSE: 0.002},
	}
	choice, err := pareto.Choose(files, pareto.Limits{Memory: 500}, paired.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(choice.Reason)
	for _, c := range choice.Candidates {
		if c.Dominated != "" {
			fmt.Println(c.Format, "is dominated by", c.Dominated)
		}
	}
	// Output:
	// Q4_K_M is the best of m that fits, and no smaller file is as good: 480 B, KLD 0.02.
	// Q4_0 is dominated by m Q4_K_M
}
