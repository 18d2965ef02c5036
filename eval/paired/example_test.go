package paired_test

import (
	"fmt"

	"bitmill/eval/paired"
)

// The second series is worse by about 0.01 on every item, far less than the items differ among themselves.
func ExampleCompare() {
	a := []float64{3.10, 2.55, 4.01, 3.32, 2.97, 3.60, 3.05, 2.81, 3.77, 3.44}
	b := []float64{3.11, 2.55, 4.03, 3.33, 2.98, 3.61, 3.07, 2.82, 3.78, 3.45}
	t, err := paired.Compare(b, a, paired.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("worse by %.3f, surely: %t\n", t.Mean, t.Low > 0)
	// Output: worse by 0.011, surely: true
}

func ExampleHolm() {
	fmt.Println(paired.Holm([]float64{0.01, 0.04, 0.02}))
	// Output: [0.03 0.04 0.04]
}
