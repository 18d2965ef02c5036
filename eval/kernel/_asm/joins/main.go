// Command joins generates the AVX-512 weaving of codes.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/strip"
)

func main() {
	lanes.Header()
	strip.EmitJoins()
	Generate()
}
