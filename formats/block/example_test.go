package block_test

import (
	"fmt"
	"log"

	"bitmill/formats"
	"bitmill/formats/block"
)

// A block of Q8_0 is a scale and 32 signed bytes.
func Example() {
	src := make([]byte, 34)
	src[1] = 0x38             // 0.5 as a 16-bit float
	src[2], src[3] = 10, 0xfe // 10 and -2
	dst := make([]float32, 32)
	if err := block.Decode(formats.Q8_0, dst, src); err != nil {
		log.Fatal(err)
	}
	fmt.Println(dst[:3])
	// Output: [5 -1 0]
}
