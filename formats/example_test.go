package formats_test

import (
	"fmt"

	"bitmill/formats"
)

func Example() {
	experts := formats.Tensor{Name: "blk.0.ffn_up_exps.weight", Type: formats.Q4_K, Shape: []int64{512, 1024, 8}}
	size, err := experts.Bytes()
	fmt.Println(experts.Matrices(), "matrices,", experts.Rows(), "rows of", experts.Cols(), "values,", size, "bytes", err)
	_, err = formats.ParseType("Q4K_")
	fmt.Println(err)
	// Output:
	// 8 matrices, 8192 rows of 512 values, 2359296 bytes <nil>
	// unknown tensor type "Q4K_"; did you mean Q4_K?
}
