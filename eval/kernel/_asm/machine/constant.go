package machine

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var constants = map[string]Mem{}

// Table returns n bytes, a multiple of eight, of read-only memory, made when first asked for by its name.
func Table(name string, n int, at func(i int) byte) Mem {
	m, ok := constants[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := 0; i < n; i += 8 {
			var v uint64
			for b := range 8 {
				v |= uint64(at(i+b)) << (8 * b)
			}
			DATA(i, U64(v))
		}
		constants[name] = m
	}
	return m
}

// Table16, Table32 and Table64 are tables of n larger numbers.
func Table16(name string, n int, at func(i int) uint16) Mem {
	return Table(name, 2*n, func(i int) byte { return byte(at(i/2) >> (8 * (i % 2))) })
}

func Table32(name string, n int, at func(i int) uint32) Mem {
	return Table(name, 4*n, func(i int) byte { return byte(at(i/4) >> (8 * (i % 4))) })
}

func Table64(name string, n int, at func(i int) uint64) Mem {
	return Table(name, 8*n, func(i int) byte { return byte(at(i/8) >> (8 * (i % 8))) })
}

// FloatTable is a table of n float32.
func FloatTable(name string, n int, at func(i int) float64) Mem {
	return Table32(name, n, func(i int) uint32 { return math.Float32bits(float32(at(i))) })
}

// Bits fills a vector of any machine with 32 bits, Float with a float32, Words with 16 bits and Bytes with a byte.
func Bits(v uint32) Mem {
	return Table32(fmt.Sprintf("bits_%08x", v), 16, func(int) uint32 { return v })
}

func Float(v float64) Mem { return Bits(math.Float32bits(float32(v))) }
func Words(v uint16) Mem  { return Bits(uint32(v) * 0x00010001) }
func Bytes(v byte) Mem    { return Bits(uint32(v) * 0x01010101) }

// Variable is a variable of the package that the file is generated for.
func Variable(name string) Mem {
	return Mem{Symbol: Symbol{Name: "·" + name}, Base: reg.StaticBase}
}
