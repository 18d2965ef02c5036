// Command stripsmall generates the AVX-512 products of woven weights in blocks of 32 with one token.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/strip"
)

func main() {
	lanes.Header()
	strip.EmitSmalls()
	Generate()
}
