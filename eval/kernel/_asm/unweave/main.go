// Command unweave generates the AVX-512 unpacking of woven weights to tiles.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/strip"
)

func main() {
	lanes.Header()
	strip.EmitFills()
	Generate()
}
