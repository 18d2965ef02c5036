// Command rowlevels generates what AVX2 does with weights unpacked to signed bytes.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/asm/lanes"
	"bitmill/eval/kernel/asm/row"
)

func main() {
	lanes.Header()
	row.Levels()
	Generate()
}
