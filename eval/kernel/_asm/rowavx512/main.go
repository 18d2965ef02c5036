// Command rowavx512 generates the AVX-512 products of weight rows with one token.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/row"
)

func main() {
	lanes.Header()
	row.Emit(row.ISA{Name: "AVX512", Wide: true})
	Generate()
}
