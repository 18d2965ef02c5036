package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// floatBytes is the memory of activations that all tiles of a group are multiplied with one after the other: both stay
// in the second-level cache.
const (
	floatBytes  = 256 << 10
	floatTokens = 12 // at least, those that AVX-512 multiplies at once
)

// floatGroup is the tiles of some rows and columns, one behind the other: [row/16][column][lane].
type floatGroup struct {
	*product
	tiles          []float32
	r0, r1, k0, k1 int
}

// floatTiles multiplies plain numbers, and blocks decoded to them. It adds up the products of blocks of floatCols.
func (p *product) floatTiles() {
	w, x := &p.w, p.x
	cols := min(w.Cols, fullBytes/(4*lanes))
	rows := min(fullBytes/(4*lanes*cols)*lanes, (p.r1-p.r0+lanes-1)/lanes*lanes)
	tokens := max(1, floatBytes/(4*x.stride)/floatTokens) * floatTokens
	memory := alignedBytes(&p.tiles.full, 4*(rows*cols+7*lanes)) // columns are transposed by eights
	tiles := unsafe.Slice((*float32)(unsafe.Pointer(&memory[0])), len(memory)/4)
	for r := p.r0; r < p.r1; r += rows {
		for k := 0; k < w.Cols; k += cols {
			g := floatGroup{p, tiles, r, min(r+rows, p.r1), k, min(k+cols, w.Cols)}
			g.fill()
			for t := 0; t < x.n; t += tokens {
				g.multiply(t, min(tokens, x.n-t))
			}
		}
	}
}

// tile is columns [k, k+floatCols) of the rows from r on.
func (g *floatGroup) tile(r, k int) []float32 { return g.tiles[(r-g.r0)*(g.k1-g.k0)+lanes*(k-g.k0):] }

func (g *floatGroup) fill() {
	aligned(&g.product.tiles.floats)
	for r := g.r0; r < g.r1; r += lanes {
		for k := g.k0; k < g.k1; k += floatCols {
			g.fillFloat(g.tile(r, k), r, min(lanes, g.r1-r), k, min(floatCols, g.k1-k))
		}
	}
}

// multiply multiplies n tokens from t on.
func (g *floatGroup) multiply(t, n int) {
	x := g.x
	for r := g.r0; r < g.r1; r += lanes {
		rows := min(lanes, g.r1-r)
		c, ldc := g.dst[t*g.stride+r:], g.stride
		if rows < lanes {
			edge := &g.product.tiles.edge
			*edge = grow(*edge, x.n*lanes)
			c, ldc = (*edge)[t*lanes:], lanes
		}
		for k := g.k0; k < g.k1; k += floatCols {
			g.set.float(&c[0], 4*ldc, &x.f32[t*x.stride+k], 4*x.stride, &g.tile(r, k)[0], 4*lanes, n, min(floatCols, g.k1-k), k)
		}
		for i := 0; i < n && rows < lanes; i++ {
			copy(g.dst[(t+i)*g.stride+r:][:rows], c[i*lanes:])
		}
	}
}

// fillFloat makes a tile of columns k to k+cols-1 of up to sixteen rows.
func (p *product) fillFloat(tile []float32, row, rows, k, cols int) {
	w, stage, size := &p.w, p.tiles.floats, p.w.blockBytes
	whole := cols &^ 7
	if w.block > 1 { // floatCols is a multiple of every block
		whole = 0
	}
	for lane := range lanes {
		if lane >= rows {
			clear(stage[lane][:])
			continue
		}
		to := stage[lane][:cols]
		src := w.row(row + lane)[k/w.block*size : (k+cols)/w.block*size]
		if whole > 0 {
			switch w.Type {
			case formats.F16:
				p.set.floatsF16(&to[0], &src[0], whole)
			case formats.BF16:
				p.set.floatsBF16(&to[0], &src[0], whole)
			default:
				copy(unsafe.Slice((*byte)(unsafe.Pointer(&to[0])), 4*whole), src)
			}
		}
		if whole < cols {
			_ = block.Decode(w.Type, to[whole:], src[whole*size:]) // plain numbers of any count, or whole blocks
		}
	}
	for lane := 0; lane < lanes; lane += 8 {
		p.set.transpose((*uint32)(unsafe.Pointer(&tile[lane])), 8*4*lanes,
			(*uint32)(unsafe.Pointer(&stage[lane])), 4*floatCols, (cols+7)/8)
	}
}
