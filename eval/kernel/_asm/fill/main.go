// Command fill generates the unpacking of blocks to tiles for AVX-512.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/row"
)

func main() {
	lanes.Header()
	for _, t := range row.Supers {
		t.Fill()
	}
	for _, t := range row.Smalls {
		t.Fill()
	}
	Generate()
}
