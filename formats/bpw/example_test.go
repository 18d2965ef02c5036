package bpw_test

import (
	"fmt"
	"log"

	"bitmill/formats"
	"bitmill/formats/bpw"
)

func Example() {
	s, err := bpw.Of([]formats.Tensor{
		{Name: "output_norm.weight", Type: formats.F32, Shape: []int64{512}},
		{Name: "blk.0.attn_q.weight", Type: formats.Q4_K, Shape: []int64{512, 512}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s bits per weight, matrices only %s\n", s.All, s.Matrices)
	// Output: 4.5536 bits per weight, matrices only 4.5000
}
