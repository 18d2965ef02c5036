// Command super generates the AVX2 products with weights in blocks of 256.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/tile"
)

func main() {
	lanes.Header()
	tile.Super("tileSuper32", "groups of 32, codes up to 15, float mins (Q4_K)", 32, 8, false)
	tile.Super("tileSuper16", "groups of 16, codes up to 31, float mins (Q2_K, Q5_K)", 16, 4, false)
	tile.Super("tileSigned16", "groups of 16, codes up to 31, mins taken off as integers (Q3_K)", 16, 4, true)
	tile.Super("tileSigned16wide", "groups of 16, codes up to 63, mins taken off as integers (Q6_K)", 16, 2, true)
	Generate()
}
