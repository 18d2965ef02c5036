package encode_test

import (
	"fmt"
	"log"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// A row of 32 values becomes one block of Q4_0, which takes 18 bytes instead of 128.
func Example() {
	row := make([]float32, 32)
	for i := range row {
		row[i] = float32(i) - 20
	}
	data := make([]byte, 18)
	if err := encode.Encode(formats.Q4_0, data, row, len(row), nil); err != nil {
		log.Fatal(err)
	}
	decoded := make([]float32, len(row))
	if err := block.Decode(formats.Q4_0, decoded, data); err != nil {
		log.Fatal(err)
	}
	fmt.Println(row[:8])
	fmt.Println(decoded[:8])
	// Output:
	// [-20 -19 -18 -17 -16 -15 -14 -13]
	// [-20 -20 -17.5 -17.5 -15 -15 -15 -12.5]
}
