package imatrix_test

import (
	"fmt"
	"log"

	"bitmill/formats/imatrix"
)

func Example() {
	// 8 tokens reached the first expert of 2 columns, none the second.
	m := &imatrix.Matrix{Entries: []imatrix.Entry{
		{Name: "blk.0.ffn_up_exps.weight", SumSquares: []float32{16, 4, 0, 0}, Counts: []float32{8, 0}},
	}}
	file, err := m.Encode()
	if err != nil {
		log.Fatal(err)
	}
	if m, err = imatrix.Parse("example.gguf", file); err != nil {
		log.Fatal(err)
	}
	e, _ := m.Entry("blk.0.ffn_up_exps.weight")
	fmt.Println(e.Weights(), m.Coverage()[0].Unseen, "unseen")
	// Output: [2 0.5 1 1] 1 unseen
}
