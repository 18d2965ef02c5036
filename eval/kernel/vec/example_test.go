package vec_test

import (
	"fmt"

	"bitmill/eval/kernel/vec"
	"bitmill/formats/cpu"
)

func Example() {
	set := vec.For(cpu.Best())
	logits := []float32{1, 2, 3}
	fmt.Printf("%.4f\n", set.LogSumExp(logits))
	set.Softmax(logits, 1)
	fmt.Printf("%.4f\n", logits)
	// Output:
	// 3.4076
	// [0.0900 0.2447 0.6652]
}
