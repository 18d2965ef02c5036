package prequant_test

import (
	"fmt"
	"log"

	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

// A matrix in FP8 and its scale become one matrix.
func Example() {
	scheme, err := prequant.ParseScheme([]byte(`{"quant_method": "fp8"}`))
	if err != nil {
		log.Fatal(err)
	}
	tensors, kind, err := prequant.Gather(scheme, []safetensors.Tensor{
		{Name: "x.weight", DType: "F8_E4M3", Shape: []int64{1, 3}, Data: []byte{0x38, 0xb8, 0x40}}, // 1, -1, 2
		{Name: "x.weight_scale", DType: "F32", Shape: []int64{1}, Data: []byte{0, 0, 0, 0x3f}},     // 0.5
	})
	if err != nil {
		log.Fatal(err)
	}
	row := make([]float32, 3)
	tensors[0].Matrix.Rows(row, 0, 1)
	fmt.Println(kind)
	fmt.Println(len(tensors), tensors[0].Name, row)
	// Output:
	// FP8 E4M3 with a scale per matrix
	// 1 x.weight [0.5 -0.5 1]
}
