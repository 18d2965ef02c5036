package kernel

import (
	"math"
	"unsafe"

	"bitmill/eval/kernel/layout"
)

// The generated functions for full tiles, which have all columns.
type (
	// fullTileFunc multiplies tiles, tileBytes apart, with eight tokens; stride is in bytes.
	fullTileFunc func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int,
		codes *int8, codeStride int, tokenBlock *int32)

	// kquantFillFunc unpacks a block of up to sixteen rows, stride bytes apart: scales to a record, codes to the stage.
	kquantFillFunc func(record, src *byte, stride, rows int, stage *byte)

	// legacyFillFunc is kquantFillFunc for up to eight blocks of 32 in a row.
	legacyFillFunc func(record, src *byte, stride, rows int, stage *byte, blocks int)
)

// fullBytes is the memory of tiles that are multiplied with eight tokens one after the other: with the activations
// they stay in the second-level cache.
const fullBytes = 256 << 10

const (
	kquantBytes = int(unsafe.Sizeof(kquantRecord{}))
	legacyBytes = int(unsafe.Sizeof(legacyRecord{}))
)

// stageBytes is the size of sixteen rows of 256 codes and their scales.
const stageBytes = lanes * (256 + 64)

// kquantFull multiplies blocks of 256; add is added to codes as they are unpacked.
func kquantFull(multiply fullTileFunc, fill kquantFillFunc, add uint8) func(p *product) {
	return func(p *product) {
		p.full(multiply, kquantBytes, func(tile []byte, row, rows int) {
			p.fillFullKQuant(fill, tile, row, rows, fourTimes(add))
		})
	}
}

// fillFullKQuant unpacks up to sixteen rows. Lanes beyond the last row keep what they held.
func (p *product) fillFullKQuant(fill kquantFillFunc, tile []byte, row, rows int, add uint32) {
	w, stage := &p.w, alignedBytes(&p.tiles.stage, stageBytes)
	src := w.Data[row*w.rowBytes : (row+rows)*w.rowBytes]
	for i := range w.Cols / 256 {
		record := &tile[i*kquantBytes]
		fill(record, &src[i*w.blockBytes], w.rowBytes, rows, &stage[0])
		p.set.transpose16(record, 512, &stage[0], 256, 4, add)
	}
}

// legacyFull multiplies blocks of 32.
func legacyFull(multiply fullTileFunc, fill legacyFillFunc, add uint8) func(p *product) {
	return func(p *product) {
		p.full(multiply, legacyBytes, func(tile []byte, row, rows int) {
			p.fillFullLegacy(fill, tile, row, rows, fourTimes(add))
		})
	}
}

func (p *product) fillFullLegacy(fill legacyFillFunc, tile []byte, row, rows int, add uint32) {
	w, stage := &p.w, alignedBytes(&p.tiles.stage, stageBytes)
	src := w.Data[row*w.rowBytes : (row+rows)*w.rowBytes]
	for b := 0; b < w.Cols/32; b += 8 {
		count := min(8, w.Cols/32-b)
		fill(&tile[b*legacyBytes], &src[b*w.blockBytes], w.rowBytes, rows, &stage[0], count)
		p.set.transpose16(&tile[b*legacyBytes], legacyBytes, &stage[0], 256, (count+1)/2, add)
	}
}

// signedFull multiplies signed codes, which it makes unsigned by adding 128.
func signedFull(multiply fullTileFunc) func(p *product) {
	return func(p *product) {
		record := legacyBytes
		if p.x.form.codes() == FormQ8_K {
			record = kquantBytes
		}
		p.full(multiply, record, p.fillFullSigned)
	}
}

// fillFullSigned unpacks up to 256 columns at a time of up to sixteen rows with signed codes and float scales.
func (p *product) fillFullSigned(tile []byte, row, rows int) {
	w, c, stage := &p.w, &p.tiles.signed, aligned(&p.tiles.codes)
	legacy := p.x.form.codes() != FormQ8_K
	c.scales = grow(c.scales, 16)
	for at := 0; at < w.Cols; at += 256 {
		cols := min(256, w.Cols-at)
		first, half := at/256*kquantBytes, 512
		if legacy {
			first, half = at/32*legacyBytes, legacyBytes
		}
		for lane := range rows {
			c.codes = unsafe.Slice((*int8)(unsafe.Pointer(&stage[lane])), cols)
			p.typ.signed(c, w.row(row + lane)[at/w.block*w.blockBytes:(at+cols)/w.block*w.blockBytes])
			if legacy {
				for i := range cols / 32 {
					r := (*legacyRecord)(unsafe.Pointer(&tile[first+i*legacyBytes]))
					r.d[lane], r.m[lane] = c.scales[2*i], c.scales[2*i+1]
				}
				continue
			}
			r := (*kquantRecord)(unsafe.Pointer(&tile[first]))
			every := min(32, p.typ.group) / 16
			for g := range 16 / every {
				r.scales[g][lane] = math.Float32bits(c.scales[g*every])
			}
		}
		p.set.transpose16(&tile[first], half, &stage[0][0], len(stage[0]), (cols+63)/64, fourTimes(layout.Full))
	}
	c.codes = nil
}

// fourTimes is a word that adds add to each of four codes.
func fourTimes(add uint8) uint32 { return uint32(add) * (bits0 & (1<<32 - 1)) }

// full multiplies tiles, of records that fill makes, with all tokens.
func (p *product) full(multiply fullTileFunc, record int, fill func(tile []byte, row, rows int)) {
	x := p.x
	blocks := x.cols / x.form.blockLen()
	if p.w.Repacked {
		fill = func(tile []byte, row, _ int) { p.fillRepacked(tile, record, row) }
	}
	tokenBlocks := p.tokenBlocks()
	p.fullTiles(blocks*record, record, fill, func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int) {
		multiply(dst, stride, tile, tileBytes, tiles, blocks, &x.codes[t*x.stride], x.stride,
			&tokenBlocks[t/BlockTokens*blocks*x.form.tokenBlockWords()])
	})
}

// tokenBlocks are those of the activations; few tokens come without.
func (p *product) tokenBlocks() []int32 {
	if len(p.x.tokenBlocks) > 0 {
		return p.x.tokenBlocks
	}
	few := *p.x
	few.tokenBlocks = grow(p.tiles.tokenBlocks, few.cols/few.form.blockLen()*few.form.tokenBlockWords())
	for t := range few.n {
		few.interleave(t)
	}
	p.tiles.tokenBlocks = few.tokenBlocks
	return few.tokenBlocks
}

// fullTiles calls fill for tiles of size bytes, as many as memory allows, and multiply for them and eight tokens from
// t on. fill may write up to slack bytes beyond its tile; without it the tiles are the matrix's repacked rows.
func (p *product) fullTiles(size, slack int, fill func(tile []byte, row, rows int),
	multiply func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int)) {
	x := p.x
	most := min(max(1, fullBytes/size), (p.r1-p.r0+lanes-1)/lanes)
	var memory []byte
	if fill != nil {
		memory = alignedBytes(&p.tiles.full, most*size+slack)
	}
	edge := grow(p.tiles.edge, most*lanes*BlockTokens)
	p.tiles.edge = edge
	for r := p.r0; r < p.r1; r += most * lanes {
		rows := min(most*lanes, p.r1-r)
		tiles := (rows + lanes - 1) / lanes
		if fill == nil {
			memory = p.w.Data[p.w.shape.rows(r):]
		}
		for i := 0; fill != nil && i < tiles; i++ {
			fill(memory[i*size:], r+i*lanes, min(lanes, rows-i*lanes))
		}
		for t := 0; t < x.n; t += BlockTokens {
			direct, tokens := rows/lanes, min(BlockTokens, x.n-t)
			if tokens < BlockTokens {
				direct = 0
			}
			if direct > 0 {
				multiply(&p.dst[t*p.stride+r], 4*p.stride, &memory[0], size, direct, t)
			}
			if direct < tiles { // products that do not fit the destination
				stride, done := (tiles-direct)*lanes, direct*lanes
				multiply(&edge[0], 4*stride, &memory[direct*size], size, tiles-direct, t)
				for i := range tokens {
					copy(p.dst[(t+i)*p.stride+r+done:][:rows-done], edge[i*stride:])
				}
			}
		}
	}
}
