// Command strips generates the AVX-512 products of woven k-quants with one token.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/strip"
)

func main() {
	lanes.Header()
	strip.EmitProducts()
	Generate()
}
