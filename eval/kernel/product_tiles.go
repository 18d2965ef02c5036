package kernel

import "unsafe"

// The generated functions multiply a tile with fours of tokens; strides are in bytes.
type (
	kquantTileFunc func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride, accumulate int)
	legacyTileFunc func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride int, s *float32, offset *int16, accumulate int)
	int16TileFunc func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int16, codeStride int,
		d *float32, dStride, accumulate int)
	signedTileFunc func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride, accumulate int)
)

// target is where the products of up to sixteen rows go. Products of the first tokens go to the destination directly;
// others (those of the last n%4 tokens, and all if there are fewer than sixteen rows) go to the edge, from where
// copyEdge copies them.
type target struct {
	dst         []float32
	stride      int
	edge        []float32
	direct, all int // fours of tokens
}

func (p *product) target(row, rows int) target {
	n := p.x.n
	g := target{dst: p.dst[row:], stride: p.stride, direct: n / tokenGroup, all: (n + tokenGroup - 1) / tokenGroup}
	if rows < lanes {
		g.direct = 0
	}
	p.tiles.edge = grow(p.tiles.edge, (g.all-g.direct)*tokenGroup*lanes)
	g.edge = p.tiles.edge
	return g
}

// each calls run for the direct tokens and for the others: dst, its stride in bytes, first token, fours of tokens.
func (g *target) each(run func(dst *float32, stride, first, fours int)) {
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

// kquantTiles multiplies blocks of 256 whose scales the function takes per group columns.
func kquantTiles(multiply kquantTileFunc, group int) func(p *product) {
	return func(p *product) {
		x, tile := p.x, aligned(&p.tiles.kquant)
		blocks, perRow := x.cols/256, x.cols/group
		sums := x.sums16
		if group == 32 {
			sums = x.sums32
		}
		for r := p.r0; r < p.r1; r += lanes {
			rows := min(lanes, p.r1-r)
			g := p.target(r, rows)
			for b := 0; b < blocks; b += len(tile.records) {
				count := min(len(tile.records), blocks-b)
				for i := range count {
					p.fillKQuant(&tile.records[i], r, rows, b+i, group)
				}
				g.each(func(dst *float32, stride, first, fours int) {
					multiply(dst, stride, fours, (*byte)(unsafe.Pointer(tile)), count,
						&x.codes[first*x.stride+256*b], x.stride, &x.d[first*blocks+b], 4*blocks,
						&sums[first*perRow+256/group*b], 2*perRow, b)
				})
			}
			g.copyEdge(x.n, rows)
		}
	}
}

// fillKQuant unpacks block b of up to sixteen rows to a record with scales per group columns.
func (p *product) fillKQuant(r *kquantRecord, row, rows, b, group int) {
	s, stage, size := &p.tiles.scales, aligned(&p.tiles.codes), p.w.blockBytes
	for lane := range lanes {
		if lane >= rows {
			r.d[lane], r.dmin[lane] = 0, 0
			continue
		}
		p.typ.kquant(&stage[lane], s, p.w.row(row + lane)[b*size:][:size])
		r.d[lane], r.dmin[lane] = s.d, s.dmin
		if p.typ.group == 32 && group == 16 {
			for g := range 8 {
				r.scales[2*g][lane] = pair(s.scales[g], s.scales[g])
				r.scales[2*g+1][lane] = pair(s.scales[g], s.scales[g])
				r.mins[g][lane] = pair(-s.mins[g], -s.mins[g])
			}
			continue
		}
		for g := 0; g < 256/group; g += 2 {
			r.scales[g][lane] = pair(s.scales[g], s.scales[g])
			r.scales[g+1][lane] = pair(s.scales[g+1], s.scales[g+1])
			r.mins[g/2][lane] = pair(-s.mins[g], -s.mins[g+1])
		}
	}
	p.transposeCodes(&r.codes[0], lanes*32, 8)
}

// transposeCodes moves chunks of 32 columns from sixteen staged rows to a tile, chunk bytes apart.
func (p *product) transposeCodes(dst *uint8, chunk, chunks int) {
	stage := p.tiles.codes
	for lane := 0; lane < lanes; lane += 8 {
		p.set.transpose((*uint32)(unsafe.Add(unsafe.Pointer(dst), 4*lane)), chunk,
			(*uint32)(unsafe.Pointer(&stage[lane])), len(stage[lane]), chunks)
	}
}

// legacyTiles multiplies blocks of 32, and signed codes whose values are so few that an offset makes them unsigned.
func legacyTiles(multiply legacyTileFunc) func(p *product) {
	return func(p *product) {
		x, offset := p.x, &p.tiles.offset
		for i := range offset {
			offset[i] = -int16(p.typ.offset)
		}
		blocks, scales := x.cols/32, x.scalesOf32()
		p.legacyTiles(p.typ.offset, func(dst *float32, stride, fours int, tile *byte, count, first, b int) {
			var s *float32
			if x.form == FormQ8_1 {
				s = &x.s[first*blocks+b]
			}
			multiply(dst, stride, fours, tile, count, &x.codes[first*x.stride+32*b], x.stride,
				&scales[first*blocks+b], 4*blocks, &x.sums16[(first*blocks+b)*2], 4*blocks, s, &offset[0], b)
		})
	}
}

// signedTiles multiplies signed codes. Their float scales are in the records of blocks of 32, for sixteen columns
// each: d is the first one, m the second.
func signedTiles(multiply signedTileFunc) func(p *product) {
	return func(p *product) {
		x := p.x
		blocks, scales := x.cols/32, x.scalesOf32()
		p.legacyTiles(0, func(dst *float32, stride, fours int, tile *byte, count, first, b int) {
			multiply(dst, stride, fours, tile, count, &x.codes[first*x.stride+32*b], x.stride,
				&scales[first*blocks+b], 4*blocks, b)
		})
	}
}

// scalesOf32 are scales of every 32 activations.
func (b *Activations) scalesOf32() []float32 {
	if b.form.blockLen() == 256 {
		return b.s
	}
	return b.d
}

// legacyTiles calls multiply for tiles of records of blocks of 32: count of them from block b on, for fours of tokens
// from first on. Signed codes get the offset.
func (p *product) legacyTiles(offset int,
	multiply func(dst *float32, stride, fours int, tile *byte, count, first, b int)) {
	tile, blocks := aligned(&p.tiles.legacy), p.x.cols/32
	aligned(&p.tiles.codes)
	for r := p.r0; r < p.r1; r += lanes {
		rows := min(lanes, p.r1-r)
		g := p.target(r, rows)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := 0; i < count; i += 8 {
				p.fillLegacy(tile.records[i:min(i+8, count)], offset, r, rows, b+i)
			}
			g.each(func(dst *float32, stride, first, fours int) {
				multiply(dst, stride, fours, (*byte)(unsafe.Pointer(tile)), count, first, b)
			})
		}
		g.copyEdge(p.x.n, rows)
	}
}

// fillLegacy unpacks up to eight blocks of 32 columns, from block b on, of up to sixteen rows into as many records.
func (p *product) fillLegacy(records []legacyRecord, offset, row, rows, b int) {
	for lane := range lanes {
		switch {
		case lane >= rows:
			for i := range records {
				records[i].d[lane], records[i].m[lane] = 0, 0
			}
		case p.typ.signed != nil:
			p.fillSigned(records, offset, row, lane, b)
		default:
			size := p.w.blockBytes
			src := p.w.row(row + lane)[b*size:]
			for i := range records {
				r := &records[i]
				r.d[lane], r.m[lane] = p.typ.legacy((*[32]uint8)(p.tiles.codes[lane][32*i:]), src[i*size:i*size+size])
			}
		}
	}
	p.transposeCodes(&records[0].codes[0], int(unsafe.Sizeof(records[0])), len(records))
}

// fillSigned unpacks signed codes of a row, with an offset unless it is 0.
func (p *product) fillSigned(records []legacyRecord, offset, row, lane, b int) {
	w, c, cols := &p.w, &p.tiles.signed, 32*len(records)
	c.scales = grow(c.scales, 16)
	codes := p.tiles.codes[lane][:cols]
	c.codes = unsafe.Slice((*int8)(unsafe.Pointer(&codes[0])), cols)
	p.typ.signed(c, w.row(row + lane)[32*b/w.block*w.blockBytes:(32*b+cols)/w.block*w.blockBytes])
	c.codes = nil
	if offset > 0 {
		for i := 0; i < cols; i += 8 {
			store8(codes, i, (load8(codes, i)^bit7)-uint64(128-offset)*bits0)
		}
	}
	for i := range records {
		records[i].d[lane], records[i].m[lane] = c.scales[2*i], c.scales[2*i+1]
	}
}

// int16Tiles multiplies Q8_0 blocks as int16.
func int16Tiles(multiply int16TileFunc) func(p *product) {
	return func(p *product) {
		x, tile := p.x, aligned(&p.tiles.int16s)
		blocks := x.cols / 32
		for r := p.r0; r < p.r1; r += lanes {
			rows := min(lanes, p.r1-r)
			g := p.target(r, rows)
			for b := 0; b < blocks; b += len(tile.records) {
				records := tile.records[:min(len(tile.records), blocks-b)]
				p.fillInt16s(records, r, rows, b)
				g.each(func(dst *float32, stride, first, fours int) {
					multiply(dst, stride, fours, (*byte)(unsafe.Pointer(tile)), len(records),
						&x.int16s[first*x.stride+32*b], 2*x.stride, &x.d[first*blocks+b], 4*blocks, b)
				})
			}
			g.copyEdge(x.n, rows)
		}
	}
}

func (p *product) fillInt16s(records []int16Record, row, rows, b int) {
	stage, size := aligned(&p.tiles.pairs), p.w.blockBytes
	for lane := range rows {
		src := p.w.row(row + lane)[b*size:][:len(records)*size]
		p.set.int16sQ8(&stage[lane][0], &src[0], len(records))
		for i := range records {
			records[i].d[lane] = half(src, i*size)
		}
	}
	for i := range records { // 16 columns at a time: eight pairs of int16
		for part := range 4 {
			p.set.transpose((*uint32)(unsafe.Pointer(&records[i].codes[16*(part%2)+256*(part/2)])), 0,
				(*uint32)(unsafe.Pointer(&stage[8*(part%2)][32*i+16*(part/2)])), 2*len(stage[0]), 1)
		}
	}
}
