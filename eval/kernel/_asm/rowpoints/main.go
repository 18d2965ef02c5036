// Command rowpoints generates the AVX2 products of one token with weight rows that are looked up or have three levels.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/row"
)

func main() {
	lanes.Header()
	row.EmitPoints(row.ISA{Name: "AVX2"})
	Generate()
}
