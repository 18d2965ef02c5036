// Command floatwide generates the AVX-512 product of float tiles.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/gemm"
	"bitmill/eval/kernel/asm/lanes"
)

func main() {
	lanes.Header()
	gemm.Product("wideFloat", true, 12, 8, 4, 2, 1)
	Generate()
}
