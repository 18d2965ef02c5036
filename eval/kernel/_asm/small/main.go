// Command small generates the AVX2 products with weights in blocks of 32.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/tile"
)

func main() {
	lanes.Header()
	tile.Constants()
	tile.Small("tileSmall4", "codes up to 15, offset (Q4_0)", 8, false)
	tile.Small("tileSmall4min", "codes up to 15, float mins (Q4_1)", 8, true)
	tile.Small("tileSmall5", "codes up to 31, offset (Q5_0)", 4, false)
	tile.Small("tileSmall5min", "codes up to 31, float mins (Q5_1)", 4, true)
	tile.Words("tileWords", "signed 8-bit codes as int16 (Q8_0)")
	tile.Levels("tileLevels", "signed codes (i-quants, ternary, FP4)", false)
	tile.Levels("tileLevels16", "signed codes with a scale per 16 (IQ2_S, NVFP4)", true)
	Generate()
}
