package kernel_test

import (
	"fmt"

	"bitmill/eval/kernel"
	"bitmill/formats"
)

// Two rows of 32 weights in Q8_0 are multiplied with one token.
func Example() {
	w := kernel.Matrix{Type: formats.Q8_0, Rows: 2, Cols: 32}
	for r := range w.Rows {
		w.Data = append(w.Data, 0x00, 0x3c) // the scale, 1 as a 16-bit float
		for k := range w.Cols {
			w.Data = append(w.Data, byte(r+k%2)) // codes
		}
	}
	x := make([]float32, w.Cols)
	for k := range x {
		x[k] = 127 // so that the scale of activations is 1 too
	}

	set := kernel.Best()
	form, err := kernel.FormOf(w.Type)
	if err != nil {
		panic(err)
	}
	var activations kernel.Activations
	if err := set.Load(&activations, form, x, 1, w.Cols); err != nil {
		panic(err)
	}
	dst := make([]float32, w.Rows)
	if err := set.MatMul(dst, w.Rows, w, &activations, 0, w.Rows, nil); err != nil {
		panic(err)
	}
	fmt.Println(form, dst)
	// Output: Q8_0 [2032 6096]
}
