// Command rowavx2 generates the AVX2 products of weight rows with one token.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/row"
)

func main() {
	lanes.Header()
	row.Emit(row.ISA{Name: "AVX2", Wide: false})
	Generate()
}
