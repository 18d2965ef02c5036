package kernel

import (
	"fmt"
	"math"
	"unsafe"

	"bitmill/eval/kernel/layout"
)

// ColumnTokens are the tokens of a block of Columns.
const ColumnTokens = layout.ColumnTokens

// Columns holds activations [tokens][cols] for sums of their products over tokens (AddProducts): columns as 8-bit codes
// with a scale for every block of tokens, so that x is about d*code, |code| <= 127. Sixteen columns are a panel, and
// the blocks of a panel follow each other. Tokens and columns beyond the last are zeros. The zero value is ready to
// use; Reset reuses its memory.
type Columns struct {
	tokens, cols   int
	panels, blocks int
	records        []columnRecord // [panels][blocks]
}

// columnRecord is a block of a panel; package layout has the order of its codes.
type columnRecord struct {
	codes [ColumnTokens * lanes]int8
	d     [lanes]float32
	sums  [lanes]int32 // of the codes, times -128
}

// The compiler refuses these indices, which must be 0, where records do not lie as package layout tells the assembly.
var _ = [...]byte{
	"0"[unsafe.Offsetof(columnRecord{}.d)-layout.ColumnD], "0"[unsafe.Offsetof(columnRecord{}.sums)-layout.ColumnSums],
	"0"[unsafe.Sizeof(columnRecord{})-layout.ColumnRecord],
}

// columnFuncs are the functions of an instruction set for Columns.
type columnFuncs struct {
	load     func(record *byte, x *float32, stride int)
	multiply func(c *float32, a, b *byte, records int) // nil: as floats
}

// Reset makes room for n tokens of cols activations; contents are undefined until loaded.
func (c *Columns) Reset(n, cols int) {
	c.tokens, c.cols = n, cols
	c.panels, c.blocks = (cols+lanes-1)/lanes, (n+ColumnTokens-1)/ColumnTokens
	c.records = grow(c.records, c.panels*c.blocks)
}

// Words is the memory of the contents: to be kept elsewhere, and copied back behind another Reset of the same size.
func (c *Columns) Words() []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(c.records))), len(c.records)*layout.ColumnRecord/4)
}

// Borrow makes c show the contents that Words returned of Columns of n tokens of cols activations. Until the next
// Borrow, c must not be changed.
func (c *Columns) Borrow(words []float32, n, cols int) {
	b := Columns{tokens: n, cols: cols, panels: (cols + lanes - 1) / lanes, blocks: (n + ColumnTokens - 1) / ColumnTokens}
	b.records = unsafe.Slice((*columnRecord)(unsafe.Pointer(unsafe.SliceData(words))), b.panels*b.blocks)
	*c = b
}

// Blocks is the number of blocks of tokens, Panels that of panels.
func (c *Columns) Blocks() int { return c.blocks }

// Panels is the number of panels of sixteen columns.
func (c *Columns) Panels() int { return c.panels }

// ColumnsBytes is the memory of Columns of so many tokens and columns.
func ColumnsBytes(n, cols int) int64 {
	return int64((n+ColumnTokens-1)/ColumnTokens) * int64((cols+lanes-1)/lanes) * layout.ColumnRecord
}

// LoadColumns sets a block of tokens to the rows of x, [tokens][cols]: ColumnTokens of them, or fewer in the last
// block. Blocks may be loaded at the same time.
func (s *Set) LoadColumns(c *Columns, block int, x []float32) error {
	n := min(ColumnTokens, c.tokens-block*ColumnTokens)
	if block < 0 || n <= 0 || len(x) != n*c.cols {
		return fmt.Errorf("%d activations for block %d of %d tokens of %d columns", len(x), block, c.tokens, c.cols)
	}
	var stage *[ColumnTokens * lanes]float32
	for p := range c.panels {
		r, from, stride := &c.records[p*c.blocks+block], x[p*lanes:], c.cols
		if k := min(lanes, c.cols-p*lanes); k < lanes || n < ColumnTokens {
			if stage == nil {
				stage = new([ColumnTokens * lanes]float32)
			}
			clear(stage[:])
			for t := range n {
				copy(stage[t*lanes:][:k], from[t*stride:])
			}
			from, stride = stage[:], lanes
		}
		if s.columns.load != nil {
			s.columns.load((*byte)(unsafe.Pointer(r)), &from[0], 4*stride)
		} else {
			r.load(from, stride)
		}
	}
	return nil
}

// load rounds sixteen columns.
func (r *columnRecord) load(x []float32, stride int) {
	for lane := range lanes {
		top := uint32(0) // the largest magnitude; NaN is larger than any
		for t := range ColumnTokens {
			top = max(top, math.Float32bits(x[t*stride+lane])&^(1<<31))
		}
		most, inverse, sum := math.Float32frombits(top), float32(0), int32(0)
		r.d[lane] = most / 127
		if most > layout.ColumnTiny {
			inverse = 127 / most
		}
		for t := range ColumnTokens {
			code := columnCode(x[t*stride+lane] * inverse)
			r.codes[t/4*4*lanes+4*lane+t%4] = code
			sum += int32(code)
		}
		r.sums[lane] = -layout.Full * sum
	}
}

// columnCode rounds to the nearest integer, halves to even. Beside a value that is not a number, and so no scale is,
// there may be others.
func columnCode(v float32) int8 {
	if v != v {
		return -128
	}
	return int8(math.RoundToEven(float64(v)))
}

// AddProducts adds to dst, in panels (see GemmPanels) of all columns of a as rows, the sums over tokens of the products
// of the columns of panels [a0, a1) of a and [b0, b1) of b:
//
//	dst[p][i][j] += Σ_t a[t][i]*b[t][16p+j]
//
// dst has 16*a.Panels() rows. Sums inside a block are of integers, exact. Each is then scaled and added, in the order
// of blocks:
//
//	dst += (sum*d_a)*d_b
//
// with every operation rounded to float32, so that all Sets have the same results.
func (s *Set) AddProducts(dst []float32, a, b *Columns, a0, a1, b0, b1 int) error {
	rows := a.panels * lanes
	if a.tokens != b.tokens || a0 < 0 || a1 > a.panels || b0 < 0 || b1 > b.panels || len(dst) < b1*rows*lanes {
		return fmt.Errorf("columns of %d and %d tokens, panels %d to %d of %d with %d to %d of %d: out of range",
			a.tokens, b.tokens, a0, a1, a.panels, b0, b1, b.panels)
	}
	for at := 0; at < a.blocks; at += columnBlocks {
		part := columnProduct{dst, a, b, at, min(at+columnBlocks, a.blocks), a0, a1, b0, b1}
		if s.columns.multiply != nil {
			part.multiply(s.columns.multiply)
		} else {
			part.multiplyFloats(s)
		}
	}
	return nil
}

// columnBlocks of some panels stay in the second-level cache while they are multiplied.
const columnBlocks = 8

// columnProduct is AddProducts for blocks [t0, t1).
type columnProduct struct {
	dst                    []float32
	a, b                   *Columns
	t0, t1, a0, a1, b0, b1 int
}

// tile is the destination of panels i of a and j of b.
func (p *columnProduct) tile(i, j int) *[lanes][lanes]float32 {
	return (*[lanes][lanes]float32)(unsafe.Pointer(&p.dst[(j*p.a.panels+i)*lanes*lanes]))
}

func (p *columnProduct) multiply(multiply func(c *float32, a, b *byte, records int)) {
	for j := p.b0; j < p.b1; j++ {
		y := (*byte)(unsafe.Pointer(&p.b.records[j*p.b.blocks+p.t0]))
		for i := p.a0; i < p.a1; i++ {
			x := (*byte)(unsafe.Pointer(&p.a.records[i*p.a.blocks+p.t0]))
			multiply(&p.tile(i, j)[0][0], x, y, p.t1-p.t0)
		}
	}
}

// multiplyFloats multiplies codes as floats: in a block all sums are integers of less than 24 bits, and exact in any
// order.
func (p *columnProduct) multiplyFloats(s *Set) {
	const size = ColumnTokens * lanes
	a, b, sums := make([]float32, (p.a1-p.a0)*size), make([]float32, size), make([]float32, lanes*lanes)
	for t := p.t0; t < p.t1; t++ {
		for i := p.a0; i < p.a1; i++ {
			p.a.records[i*p.a.blocks+t].floats(a[(i-p.a0)*size:], 1, ColumnTokens)
		}
		for j := p.b0; j < p.b1; j++ {
			y := &p.b.records[j*p.b.blocks+t]
			y.floats(b, lanes, 1)
			for i := p.a0; i < p.a1; i++ {
				s.GemmPanels(sums, lanes, a[(i-p.a0)*size:], ColumnTokens, b, 0, lanes, lanes, ColumnTokens, false)
				addScaled(p.tile(i, j), sums, &p.a.records[i*p.a.blocks+t].d, &y.d)
			}
		}
	}
}

// floats sets dst[t*token + i*column] to the code of token t in column i.
func (r *columnRecord) floats(dst []float32, token, column int) {
	for t := 0; t < ColumnTokens; t += 4 {
		for i := range lanes {
			codes, to := (*[4]int8)(r.codes[t*lanes+4*i:]), dst[t*token+i*column:]
			to[0], to[token], to[2*token], to[3*token] =
				float32(codes[0]), float32(codes[1]), float32(codes[2]), float32(codes[3])
		}
	}
}

func addScaled(dst *[lanes][lanes]float32, sums []float32, a, b *[lanes]float32) {
	for i := range dst {
		for j := range dst[i] {
			v := float32(sums[i*lanes+j] * a[i])
			dst[i][j] += float32(v * b[j])
		}
	}
}
