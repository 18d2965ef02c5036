// Command striplevels generates the AVX-512 products of woven weights of few levels.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/strip"
)

func main() {
	lanes.Header()
	strip.EmitLevels()
	Generate()
}
