//go:build amd64 && !purego

package kernel

import "unsafe"

// target is where the products of one group of rows go: the first tokens straight to the destination, the others
// (the last n%4 tokens, and all of them when fewer than sixteen rows are left) to the edge, from where copyEdge takes
// them.
type target struct {
	dst         []float32
	stride      int
	edge        []float32
	direct, all int // groups of four tokens
}

func (j *job) target(row, rows int) target {
	n := j.x.n
	g := target{dst: j.dst[row:], stride: j.stride, direct: n / tokenGroup, all: (n + tokenGroup - 1) / tokenGroup}
	if rows < lanes {
		g.direct = 0
	}
	j.edge = grow(j.edge, (g.all-g.direct)*tokenGroup*lanes)
	g.edge = j.edge
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

// super multiplies blocks of 256 whose scales the kernel takes per group columns.
func (j *job) super(kernel superKernel, group int) {
	w, x := &j.w, j.x
	st, tile, stage := superTypeOf(w.Type), aligned(&j.tiles.super), aligned(&j.codes)
	blocks := w.Cols / 256
	sums := x.sums16
	if group == 32 {
		sums = x.sums32
	}
	perRow := w.Cols / group
	for r := j.r0; r < j.r1; r += lanes {
		rows := min(lanes, j.r1-r)
		g := j.target(r, rows)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := range count {
				record := &tile.records[i]
				record.fill(st, w, r, rows, b+i, group, j.tiles)
				j.transposeCodes(&record.codes[0], lanes*32, stage, 8)
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
func (p *products) transposeCodes(dst *uint8, chunk int, stage *[lanes][256]uint8, chunks int) {
	for lane := 0; lane < lanes; lane += 8 {
		p.transpose((*uint32)(unsafe.Add(unsafe.Pointer(dst), 4*lane)), chunk,
			(*uint32)(unsafe.Pointer(&stage[lane])), len(stage[lane]), chunks)
	}
}

// small multiplies blocks of 32.
func (j *job) small(kernel smallKernel) {
	w, x := &j.w, j.x
	st, tile := smallTypeOf(w.Type), aligned(&j.tiles.small)
	aligned(&j.codes)
	blocks := w.Cols / 32
	for i := range j.offset {
		j.offset[i] = -int16(st.offset)
	}
	for r := j.r0; r < j.r1; r += lanes {
		rows := min(lanes, j.r1-r)
		g := j.target(r, rows)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := 0; i < count; i += 8 {
				j.fillSmall(tile.records[i:min(i+8, count)], st, r, rows, b+i)
			}
			g.each(func(dst *float32, stride, first, quads int) {
				var s *float32
				if x.form == FormQ8_1 {
					s = &x.s[first*blocks+b]
				}
				kernel(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), count,
					&x.codes[first*x.stride+32*b], x.stride,
					&x.d[first*blocks+b], 4*blocks,
					&x.sums16[(first*blocks+b)*2], 4*blocks, s, &j.offset[0], b)
			})
		}
		g.copyEdge(x.n, rows)
	}
}

// fillSmall unpacks up to eight blocks from block b on of up to sixteen rows into as many records.
func (j *job) fillSmall(records []smallRecord, st *smallType, row, rows, b int) {
	size := j.w.blockBytes
	for lane := range lanes {
		if lane >= rows {
			for i := range records {
				records[i].d[lane], records[i].m[lane] = 0, 0
			}
			continue
		}
		src := j.w.row(row + lane)[b*size:]
		for i := range records {
			r := &records[i]
			r.d[lane], r.m[lane] = st.unpack((*[32]uint8)(j.codes[lane][32*i:]), src[i*size:i*size+size])
		}
	}
	j.transposeCodes(&records[0].codes[0], int(unsafe.Sizeof(records[0])), j.codes, len(records))
}

// words multiplies Q8_0 blocks.
func (j *job) words() {
	w, x := &j.w, j.x
	tile, stage := aligned(&j.tiles.words), aligned(&j.pairs)
	blocks := w.Cols / 32
	for r := j.r0; r < j.r1; r += lanes {
		rows := min(lanes, j.r1-r)
		g := j.target(r, rows)
		for b := 0; b < blocks; b += len(tile.records) {
			records := tile.records[:min(len(tile.records), blocks-b)]
			for lane := range rows {
				src := w.row(r + lane)[b*w.blockBytes:][:len(records)*w.blockBytes]
				j.wordsQ8(&stage[lane][0], &src[0], len(records))
				for i := range records {
					records[i].d[lane] = half(src, i*w.blockBytes)
				}
			}
			for i := range records { // 16 columns at a time: eight pairs of int16
				for part := range 4 {
					j.transpose((*uint32)(unsafe.Pointer(&records[i].codes[16*(part%2)+256*(part/2)])), 0,
						(*uint32)(unsafe.Pointer(&stage[8*(part%2)][32*i+16*(part/2)])), 2*len(stage[0]), 1)
				}
			}
			g.each(func(dst *float32, stride, first, quads int) {
				j.products.words(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), len(records),
					&x.words[first*x.stride+32*b], 2*x.stride, &x.d[first*blocks+b], 4*blocks, b)
			})
		}
		g.copyEdge(x.n, rows)
	}
}
