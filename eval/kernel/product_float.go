package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// floatTiles multiplies plain numbers, and blocks decoded to them.
func (p *product) floatTiles() {
	w, x := &p.w, p.x
	tile := aligned(&p.tiles.float)
	aligned(&p.tiles.floats)
	for r := p.r0; r < p.r1; r += lanes {
		rows := min(lanes, p.r1-r)
		c, ldc := p.dst[r:], p.stride
		if rows < lanes {
			p.tiles.edge = grow(p.tiles.edge, x.n*lanes)
			c, ldc = p.tiles.edge, lanes
		}
		for k := 0; k < w.Cols; k += floatCols {
			cols := min(floatCols, w.Cols-k)
			p.fillFloat(tile, r, rows, k, cols)
			p.set.float(&c[0], 4*ldc, &x.f32[k], 4*x.stride, &tile[0][0], 4*lanes, x.n, cols, k)
		}
		if rows < lanes {
			for i := range x.n {
				copy(p.dst[i*p.stride+r:][:rows], p.tiles.edge[i*lanes:])
			}
		}
	}
}

// fillFloat makes a tile of columns k to k+cols-1 of up to sixteen rows.
func (p *product) fillFloat(tile *floatTile, row, rows, k, cols int) {
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
		p.set.transpose((*uint32)(unsafe.Pointer(&tile[0][lane])), 8*4*lanes,
			(*uint32)(unsafe.Pointer(&stage[lane])), 4*floatCols, (cols+7)/8)
	}
}
