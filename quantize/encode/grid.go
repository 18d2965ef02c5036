package encode

import (
	"encoding/binary"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Grid describes a type as scales and levels. With the sub-block's s and t, and d and dmin of its super-block,
//
//	value = d*s * level(q) - dmin*t        level(q) = q + Low, or Table[q]
//
// Types without s have s = 1, and types without t have dmin = 0. In the types with a codebook, several levels at once are
// an entry of it, with signs, and d*s is d*(2s+1)*Unit. A method that chooses scales and levels in its own way
// reads where the encoder starts with Read, and writes its choice with Write.
type Grid struct {
	Sub, Super int       // values of a sub-block and of a super-block
	Top        int32     // q is 0 to Top
	Low        int32     // level of q = 0
	Table      []float32 // the levels; nil: q + Low
	SLow, STop int32     // s is SLow to STop; 1 to 1: none
	TTop       int32     // t is 0 to TTop; 0: none, 1: dmin alone
	Book       *Book     // nil: levels are chosen one by one

	bytes int // of a super-block
	read  func(x *Levels, b []byte, block int)
	write func(b []byte, x *Levels, block int)
}

// Levels are the scales and levels of one row.
type Levels struct {
	D, DMin []float32 // of each super-block, as 16-bit floats hold them
	S, T    []int32   // of each sub-block
	Q       []uint8   // of each value; nil with a codebook

	Entries []int32 // of each group of values
	Signs   []uint8 // of eight values each, the first in the lowest bit; set: negative
}

// GridOf returns the grid of a type; nil for one that is none.
func GridOf(t formats.Type) *Grid { return grids[t] }

var nonlinear4 = func() (t []float32) {
	for _, v := range block.Nonlinear4 {
		t = append(t, float32(v))
	}
	return t
}()

var grids = map[formats.Type]*Grid{
	formats.Q4_0: {Sub: 32, Super: 32, Top: 15, Low: -8, SLow: 1, STop: 1, bytes: 18, read: readQ4_0, write: writeQ4_0},
	formats.Q4_1: {Sub: 32, Super: 32, Top: 15, SLow: 1, STop: 1, TTop: 1, bytes: 20, read: readQ4_1, write: writeQ4_1},
	formats.Q5_0: {Sub: 32, Super: 32, Top: 31, Low: -16, SLow: 1, STop: 1, bytes: 22, read: readQ5_0, write: writeQ5_0},
	formats.Q5_1: {Sub: 32, Super: 32, Top: 31, SLow: 1, STop: 1, TTop: 1, bytes: 24, read: readQ5_1, write: writeQ5_1},
	formats.Q8_0: {Sub: 32, Super: 32, Top: 254, Low: -127, SLow: 1, STop: 1, bytes: 34, read: readQ8_0,
		write: writeQ8_0},
	formats.IQ4_NL: {Sub: 32, Super: 32, Top: 15, Table: nonlinear4, SLow: 1, STop: 1, bytes: 18, read: readQ4_0,
		write: writeQ4_0},
	formats.IQ4_XS: {Sub: 32, Super: 256, Top: 15, Table: nonlinear4, SLow: -32, STop: 31, bytes: 136,
		read: readIQ4_XS, write: writeIQ4_XS},
	formats.Q2_K: {Sub: 16, Super: 256, Top: 3, STop: 15, TTop: 15, bytes: 84, read: readQ2_K, write: writeQ2_K},
	formats.Q3_K: {Sub: 16, Super: 256, Top: 7, Low: -4, SLow: -32, STop: 31, bytes: 110, read: readQ3_K,
		write: writeQ3_K},
	formats.Q4_K: {Sub: 32, Super: 256, Top: 15, STop: 63, TTop: 63, bytes: 144, read: readQ4_K, write: writeQ4_K},
	formats.Q5_K: {Sub: 32, Super: 256, Top: 31, STop: 63, TTop: 63, bytes: 176, read: readQ5_K, write: writeQ5_K},
	formats.Q6_K: {Sub: 16, Super: 256, Top: 63, Low: -32, SLow: -128, STop: 127, bytes: 210, read: readQ6_K,
		write: writeQ6_K},
	formats.IQ2_XXS: {Sub: 32, Super: 256, STop: 15, Book: &Book{Dim: 8, Unit: 0.125, Even: true, typ: formats.IQ2_XXS},
		bytes: 66, read: readIQ2_XXS, write: writeIQ2_XXS},
	formats.IQ2_XS: {Sub: 16, Super: 256, STop: 15, Book: &Book{Dim: 8, Unit: 0.125, Even: true, typ: formats.IQ2_XS},
		bytes: 74, read: readIQ2_XS, write: writeIQ2_XS},
	formats.IQ2_S: {Sub: 16, Super: 256, STop: 15, Book: &Book{Dim: 8, Unit: 0.125, typ: formats.IQ2_S},
		bytes: 82, read: readIQ2_S, write: writeIQ2_S},
	formats.IQ3_XXS: {Sub: 32, Super: 256, STop: 15, Book: &Book{Dim: 4, Unit: 0.25, Even: true, typ: formats.IQ3_XXS},
		bytes: 98, read: readIQ3_XXS, write: writeIQ3_XXS},
	formats.IQ3_S: {Sub: 32, Super: 256, STop: 15, Book: &Book{Dim: 4, Unit: 1, typ: formats.IQ3_S},
		bytes: 110, read: readIQ3_S, write: writeIQ3_S},
}

// Scale is what d is multiplied by in a sub-block.
func (g *Grid) Scale(s int32) float32 {
	if g.Book != nil {
		return float32(2*s+1) * g.Book.Unit
	}
	return float32(s)
}

// LevelOf is the level of value i of a row.
func (g *Grid) LevelOf(x *Levels, i int) float32 {
	if g.Book == nil {
		return g.Level(x.Q[i])
	}
	v := float32(g.Book.Values()[int(x.Entries[i/g.Book.Dim])*g.Book.Dim+i%g.Book.Dim])
	if x.Signs[i/8]>>(i%8)&1 != 0 {
		return -v
	}
	return v
}

// Level is the level of q.
func (g *Grid) Level(q uint8) float32 {
	if g.Table != nil {
		return g.Table[q]
	}
	return float32(int32(q) + g.Low)
}

// NewLevels makes room for a row of cols values, a multiple of Super.
func (g *Grid) NewLevels(cols int) *Levels {
	x := &Levels{D: make([]float32, cols/g.Super), DMin: make([]float32, cols/g.Super), S: make([]int32, cols/g.Sub),
		T: make([]int32, cols/g.Sub)}
	if g.Book != nil {
		x.Entries, x.Signs = make([]int32, cols/g.Book.Dim), make([]uint8, cols/8)
	} else {
		x.Q = make([]uint8, cols)
	}
	return x
}

// Read takes an encoded row apart.
func (g *Grid) Read(x *Levels, row []byte) {
	for i := range x.D {
		g.read(x, row[i*g.bytes:][:g.bytes], i)
	}
}

// Write encodes a row.
func (g *Grid) Write(row []byte, x *Levels) {
	for i := range x.D {
		b := row[i*g.bytes:][:g.bytes]
		clear(b)
		g.write(b, x, i)
	}
}

func (x *Levels) of32(i int) *[32]uint8   { return (*[32]uint8)(x.Q[32*i:]) }
func (x *Levels) of256(i int) *[256]uint8 { return (*[256]uint8)(x.Q[256*i:]) }
func (x *Levels) s8(i int) []int32        { return x.S[8*i:][:8] }
func (x *Levels) t8(i int) []int32        { return x.T[8*i:][:8] }
func (x *Levels) s16(i int) []int32       { return x.S[16*i:][:16] }

func getHalf(b []byte) float32 { return block.FromF16(binary.LittleEndian.Uint16(b)) }
