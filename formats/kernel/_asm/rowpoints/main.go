// Command rowpoints generates the products of one token with weight rows that are looked up or have few levels: with AVX2, or
// with -wide with AVX-512.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"

	"bitmill/formats/kernel/asm/lanes"
	"bitmill/formats/kernel/asm/row"
)

func main() {
	wide := flag.Bool("wide", false, "AVX-512 instead of AVX2")
	flag.Parse()
	lanes.Header()
	s := row.ISA{Name: "AVX2"}
	if *wide {
		s = row.ISA{Name: "AVX512", Wide: true}
	}
	row.EmitPoints(s)
	Generate()
}
