//go:build amd64 && !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// float multiplies plain numbers, and blocks decoded to them.
func (j *job) float() {
	w, x := &j.w, j.x
	tile := aligned(&j.tiles.float)
	aligned(&j.floats)
	for r := j.r0; r < j.r1; r += lanes {
		rows := min(lanes, j.r1-r)
		c, ldc := j.dst[r:], j.stride
		if rows < lanes {
			j.edge = grow(j.edge, x.n*lanes)
			c, ldc = j.edge, lanes
		}
		for k := 0; k < w.Cols; k += floatCols {
			cols := min(floatCols, w.Cols-k)
			j.fillFloat(tile, r, rows, k, cols)
			j.products.float(&c[0], 4*ldc, &x.f32[k], 4*x.stride, &tile[0][0], 4*lanes, x.n, cols, k)
		}
		if rows < lanes {
			for i := range x.n {
				copy(j.dst[i*j.stride+r:][:rows], j.edge[i*lanes:])
			}
		}
	}
}

// fillFloat makes a tile of columns k to k+cols-1 of up to sixteen rows.
func (j *job) fillFloat(tile *floatTile, row, rows, k, cols int) {
	w, stage, size := &j.w, j.floats, j.w.blockBytes
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
				j.floatsF16(&to[0], &src[0], whole)
			case formats.BF16:
				j.floatsBF16(&to[0], &src[0], whole)
			default:
				copy(unsafe.Slice((*byte)(unsafe.Pointer(&to[0])), 4*whole), src)
			}
		}
		if whole < cols {
			_ = block.Decode(w.Type, to[whole:], src[whole*size:]) // plain numbers of any count, or whole blocks
		}
	}
	for lane := 0; lane < lanes; lane += 8 {
		j.transpose((*uint32)(unsafe.Pointer(&tile[0][lane])), 8*4*lanes,
			(*uint32)(unsafe.Pointer(&stage[lane])), 4*floatCols, (cols+7)/8)
	}
}
