//go:build !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// superKernel and smallKernel are the generated products of a tile with groups of four tokens; strides in bytes.
type (
	superKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride int, accumulate int)
	smallKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride int, s *float32, offset *int16, accumulate int)
)

func matmulAVX2(dst []float32, stride int, w stored, x *Batch, r0, r1 int, s *Scratch) {
	switch w.Type {
	case formats.Q4_K:
		matmulSuper(tileSuper32, 32, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q2_K, formats.Q5_K:
		matmulSuper(tileSuper16, 16, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q3_K:
		matmulSuper(tileSigned16, 16, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q6_K:
		matmulSuper(tileSigned16wide, 16, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q4_0:
		matmulSmall(tileSmall4, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q4_1:
		matmulSmall(tileSmall4min, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q5_0:
		matmulSmall(tileSmall5, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q5_1:
		matmulSmall(tileSmall5min, dst, stride, w, x, r0, r1, &s.tiles)
	case formats.Q8_0:
		matmulSmall(tileSmall8, dst, stride, w, x, r0, r1, &s.tiles)
	default:
		matmulFloat(dst, stride, w, x, r0, r1, &s.tiles)
	}
}

// target is where the products of one group of rows go: the first tokens straight to the destination, the others
// (the last n%4 tokens, and all of them when fewer than width rows are left) to the edge, from where copyEdge takes
// them.
type target struct {
	dst         []float32
	stride      int
	edge        []float32
	direct, all int // groups of four tokens
}

func newTarget(dst []float32, stride, n, row, rows, width int, t *tiles) target {
	g := target{dst: dst[row:], stride: stride, direct: n / tokenGroup, all: (n + tokenGroup - 1) / tokenGroup}
	if rows < width {
		g.direct = 0
	}
	t.edge = grow(t.edge, (g.all-g.direct)*tokenGroup*lanes)
	g.edge = t.edge
	return g
}

// each calls run for the direct tokens and for the others: dst, its stride in bytes, first token, groups of four.
func (g *target) each(run func(dst *float32, stride, first, quads int)) {
	if g.direct > 0 {
		run(&g.dst[0], 4*g.stride, 0, g.direct)
	}
	if g.all > g.direct {
		run(&g.edge[0], 4*lanes, tokenGroup*g.direct, g.all-g.direct)
	}
}

func (g *target) copyEdge(n, rows int) {
	for t := tokenGroup * g.direct; t < n; t++ {
		copy(g.dst[t*g.stride:][:rows], g.edge[(t-tokenGroup*g.direct)*lanes:])
	}
}

func matmulSuper(kernel superKernel, group int, dst []float32, stride int, w stored, x *Batch, r0, r1 int, t *tiles) {
	st, tile, stage := superTypeOf(w.Type), aligned(&t.super), aligned(&t.codes)
	blocks := w.Cols / 256
	sums := x.sums16
	if group == 32 {
		sums = x.sums32
	}
	perRow := w.Cols / group
	for r := r0; r < r1; r += lanes {
		rows := min(lanes, r1-r)
		g := newTarget(dst, stride, x.n, r, rows, lanes, t)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := range count {
				record := &tile.records[i]
				record.fill(st, &w, r, rows, b+i, group, t)
				transposeCodes(&record.codes[0], lanes*32, stage, 8)
			}
			g.each(func(dst *float32, stride, first, quads int) {
				kernel(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), count,
					&x.codes[first*x.stride+256*b], x.stride,
					&x.d[first*blocks+b], 4*blocks,
					&sums[first*perRow+256/group*b], 2*perRow, b)
			})
		}
		g.copyEdge(x.n, rows)
	}
}

// transposeCodes moves chunks of 32 columns from sixteen staged rows to a tile, chunk bytes apart.
func transposeCodes(dst *uint8, chunk int, stage *[lanes][256]uint8, chunks int) {
	for lane := 0; lane < lanes; lane += 8 {
		transpose8((*uint32)(unsafe.Add(unsafe.Pointer(dst), 4*lane)), chunk,
			(*uint32)(unsafe.Pointer(&stage[lane])), len(stage[lane]), chunks)
	}
}

func matmulSmall(kernel smallKernel, dst []float32, stride int, w stored, x *Batch, r0, r1 int, t *tiles) {
	st, tile, stage := smallTypeOf(w.Type), aligned(&t.small), aligned(&t.codes)
	width := lanes
	if w.Type == formats.Q8_0 {
		width = lanes / 2
	}
	blocks := w.Cols / 32
	for i := range t.offset {
		t.offset[i] = -int16(st.offset)
	}
	for r := r0; r < r1; r += width {
		rows := min(width, r1-r)
		g := newTarget(dst, stride, x.n, r, rows, width, t)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := 0; i < count; i += 8 {
				fillSmall(tile.records[i:min(i+8, count)], st, &w, r, rows, b+i, width, stage)
			}
			g.each(func(dst *float32, stride, first, quads int) {
				var s *float32
				if x.form == FormQ8_1 {
					s = &x.s[first*blocks+b]
				}
				kernel(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), count,
					&x.codes[first*x.stride+32*b], x.stride,
					&x.d[first*blocks+b], 4*blocks,
					&x.sums16[(first*blocks+b)*2], 4*blocks, s, &t.offset[0], b)
			})
		}
		g.copyEdge(x.n, rows)
	}
}

// fillSmall unpacks up to eight blocks from block b on of up to sixteen rows into as many records.
func fillSmall(records []smallRecord, st *smallType, w *stored, row, rows, b, width int, stage *[lanes][256]uint8) {
	size := w.blockBytes
	for lane := range width {
		if lane >= rows {
			for i := range records {
				records[i].d[lane], records[i].m[lane] = 0, 0
			}
			continue
		}
		src := w.row(row + lane)[b*size:]
		for i := range records {
			r := &records[i]
			r.d[lane], r.m[lane] = st.unpack((*[32]uint8)(stage[lane][32*i:]), src[i*size:i*size+size])
		}
	}
	if width < lanes {
		splitHalves(stage, 32*len(records))
	}
	transposeCodes(&records[0].codes[0], int(unsafe.Sizeof(records[0])), stage, len(records))
}

func matmulFloat(dst []float32, stride int, w stored, x *Batch, r0, r1 int, t *tiles) {
	tile, stage := aligned(&t.float), aligned(&t.floats)
	for r := r0; r < r1; r += lanes {
		rows := min(lanes, r1-r)
		c, ldc := dst[r:], stride
		if rows < lanes {
			t.edge = grow(t.edge, x.n*lanes)
			c, ldc = t.edge, lanes
		}
		for k := 0; k < w.Cols; k += floatCols {
			cols := min(floatCols, w.Cols-k)
			fillFloat(tile, &w, r, rows, k, cols, stage)
			tileFloat(&c[0], 4*ldc, &x.f32[k], 4*x.stride, &tile[0][0], 4*lanes, x.n, cols, k)
		}
		if rows < lanes {
			for i := range x.n {
				copy(dst[i*stride+r:][:rows], t.edge[i*lanes:])
			}
		}
	}
}

// fillFloat makes a tile of columns k to k+cols-1 of up to sixteen rows.
func fillFloat(tile *floatTile, w *stored, row, rows, k, cols int, stage *[lanes][floatCols]float32) {
	size := w.blockBytes
	whole := cols &^ 7
	for lane := range lanes {
		if lane >= rows {
			clear(stage[lane][:])
			continue
		}
		to := stage[lane][:cols]
		src := w.row(row + lane)[k*size : (k+cols)*size]
		if whole > 0 {
			switch w.Type {
			case formats.F16:
				floatsF16(&to[0], &src[0], whole)
			case formats.BF16:
				floatsBF16(&to[0], &src[0], whole)
			default:
				copy(unsafe.Slice((*byte)(unsafe.Pointer(&to[0])), 4*whole), src)
			}
		}
		if whole < cols {
			_ = block.Decode(w.Type, to[whole:], src[whole*size:]) // plain numbers of any count
		}
	}
	for lane := 0; lane < lanes; lane += 8 {
		transpose8((*uint32)(unsafe.Pointer(&tile[0][lane])), 8*4*lanes,
			(*uint32)(unsafe.Pointer(&stage[lane])), 4*floatCols, (cols+7)/8)
	}
}
