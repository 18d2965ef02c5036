//go:build amd64 && !purego

package kernel

import (
	"math"
	"unsafe"

	"bitmill/formats"
)

// wideKernel multiplies tiles, tileBytes apart, with eight tokens; stride is in bytes.
type wideKernel func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *int8, codeStride int, panel *int32)

// wideProduct says how AVX-512 multiplies a type, and how tiles are made: by super or small, or, for other types, by
// unpackLevels.
type wideProduct struct {
	kernel wideKernel
	add    uint8 // to codes as they are unpacked
	every  int   // types of unpackLevels with blocks of 256: which scales to take
	super  func(record, src *byte, stride, rows int, stage *byte)
	small  func(record, src *byte, stride, rows int, stage *byte, blocks int)
}

var wideProducts = map[formats.Type]*wideProduct{
	formats.Q2_K: {kernel: wideMins16, super: fillQ2K},
	formats.Q3_K: {kernel: wideOffset, super: fillQ3K},
	formats.Q4_K: {kernel: wideSuper32, super: fillQ4K},
	formats.Q5_K: {kernel: wideSuper32, super: fillQ5K},
	formats.Q6_K: {kernel: wideOffset16, add: 128 - 32, super: fillQ6K},
	formats.Q4_0: {kernel: wideSmall, add: 128 - 8, small: fillQ40},
	formats.Q4_1: {kernel: wideSmallMins, small: fillQ41},
	formats.Q5_0: {kernel: wideSmall, add: 128 - 16, small: fillQ50},
	formats.Q5_1: {kernel: wideSmallMins, small: fillQ51},
	formats.Q8_0: {kernel: wideSmall, small: fillQ80},

	formats.IQ4_NL: {kernel: wideSmall, add: 128},
	formats.MXFP4:  {kernel: wideSmall, add: 128},
	formats.NVFP4:  {kernel: wideSmall16, add: 128},
	formats.Q1_0:   {kernel: wideSmall, add: 128},
	formats.Q2_0:   {kernel: wideSmall, add: 128},

	formats.IQ4_XS:  {kernel: wideLevels32, add: 128, every: 2},
	formats.IQ3_S:   {kernel: wideLevels32, add: 128, every: 2},
	formats.IQ3_XXS: {kernel: wideLevels32, add: 128, every: 2},
	formats.IQ2_XXS: {kernel: wideLevels32, add: 128, every: 2},
	formats.IQ2_XS:  {kernel: wideLevels16, add: 128, every: 1},
	formats.IQ2_S:   {kernel: wideLevels16, add: 128, every: 1},
	formats.IQ1_S:   {kernel: wideLevels32, add: 128, every: 2},
	formats.IQ1_M:   {kernel: wideLevels16, add: 128, every: 1},
	formats.TQ1_0:   {kernel: wideLevels32, add: 128, every: 2},
	formats.TQ2_0:   {kernel: wideLevels32, add: 128, every: 2},
}

// wideBytes is how much memory the tiles take that meet eight tokens one after the other: with the activations they
// stay in the second-level cache.
const wideBytes = 256 << 10

const (
	superBytes = int(unsafe.Sizeof(superRecord{}))
	smallBytes = int(unsafe.Sizeof(smallRecord{}))
)

// wide multiplies all columns of as many tiles as memory allows with all tokens.
func (j *job) wide(p *wideProduct) {
	x := j.x
	blocks := x.cols / x.form.Block()
	record, fill := smallBytes, j.fillSmallTile
	if x.form.codes() == FormQ8_K {
		record, fill = superBytes, j.fillSuperTile
	}
	switch {
	case j.w.Repacked:
		fill = func(_ *wideProduct, tile []byte, _, row, _ int) { j.fillStrip(tile, record, row) }
	case p.super == nil && p.small == nil:
		fill = j.fillLevelTile
	}
	j.wideTiles(blocks*record, record, func(tile []byte, row, rows int) {
		fill(p, tile, blocks, row, rows)
	}, func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int) {
		p.kernel(dst, stride, tile, tileBytes, tiles, blocks, &x.codes[t*x.stride], x.stride,
			&x.panel[t/BlockTokens*blocks*x.form.panelWords()])
	})
}

// wideTiles calls fill for tiles of size bytes, as many as memory allows, and multiply for them and eight tokens from t on.
// fill may write up to slack bytes beyond its tile; without it the tiles are the matrix's strips.
func (j *job) wideTiles(size, slack int, fill func(tile []byte, row, rows int),
	multiply func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int)) {
	x := j.x
	most := min(max(1, wideBytes/size), (j.r1-j.r0+lanes-1)/lanes)
	var memory []byte
	if fill != nil {
		memory = alignedBytes(&j.tiles.wide, most*size+slack)
	}
	j.edge = grow(j.edge, most*lanes*BlockTokens)
	for r := j.r0; r < j.r1; r += most * lanes {
		rows := min(most*lanes, j.r1-r)
		tiles := (rows + lanes - 1) / lanes
		if fill == nil {
			memory = j.w.Data[j.w.strips.rows(r):]
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
				multiply(&j.dst[t*j.stride+r], 4*j.stride, &memory[0], size, direct, t)
			}
			if direct < tiles { // products without a place in the destination
				stride, done := (tiles-direct)*lanes, direct*lanes
				multiply(&j.edge[0], 4*stride, &memory[direct*size], size, tiles-direct, t)
				copyColumns(j.dst[t*j.stride+r+done:], j.stride, j.edge, stride, tokens, rows-done)
			}
		}
	}
}

// alignedBytes returns n bytes on a boundary of 64.
func alignedBytes(buf *[]byte, n int) []byte {
	*buf = grow(*buf, n+63)
	return (*buf)[-uintptr(unsafe.Pointer(&(*buf)[0]))&63:][:n]
}

// stageBytes is what sixteen rows of 256 codes and their scales take.
const stageBytes = lanes * (256 + 64)

// fillSuperTile unpacks blocks of 256 of up to sixteen rows. Lanes beyond the last row keep what they held.
func (j *job) fillSuperTile(p *wideProduct, tile []byte, blocks, row, rows int) {
	w, stage := &j.w, alignedBytes(&j.stage, stageBytes)
	src := w.Data[row*w.rowBytes : (row+rows)*w.rowBytes]
	for i := range blocks {
		record := &tile[i*superBytes]
		p.super(record, &src[i*w.blockBytes], w.rowBytes, rows, &stage[0])
		transpose16(record, 512, &stage[0], 256, 4, p.fourTimes())
	}
}

// fillSmallTile unpacks blocks of 32 of up to sixteen rows.
func (j *job) fillSmallTile(p *wideProduct, tile []byte, blocks, row, rows int) {
	w, stage := &j.w, alignedBytes(&j.stage, stageBytes)
	src := w.Data[row*w.rowBytes : (row+rows)*w.rowBytes]
	for b := 0; b < blocks; b += 8 {
		count := min(8, blocks-b)
		p.small(&tile[b*smallBytes], &src[b*w.blockBytes], w.rowBytes, rows, &stage[0], count)
		transpose16(&tile[b*smallBytes], smallBytes, &stage[0], 256, (count+1)/2, p.fourTimes())
	}
}

// fourTimes is what is added to four codes.
func (p *wideProduct) fourTimes() uint32 { return uint32(p.add) * (bits0 & (1<<32 - 1)) }

// fillLevelTile unpacks up to 256 columns at a time of up to sixteen rows of a type with signed codes and float scales.
func (j *job) fillLevelTile(p *wideProduct, tile []byte, blocks, row, rows int) {
	w, stage, l, unpack := &j.w, aligned(&j.tiles.codes), &j.tiles.levels, unpackLevels[j.w.Type]
	small := j.x.form.codes() != FormQ8_K
	l.scales = grow(l.scales, 16)
	for at := 0; at < w.Cols; at += 256 {
		cols := min(256, w.Cols-at)
		first := at / 256 * superBytes
		if small {
			first = at / 32 * smallBytes
		}
		for lane := range rows {
			l.codes = unsafe.Slice((*int8)(unsafe.Pointer(&stage[lane])), cols)
			unpack(l, w.row(row + lane)[at/w.block*w.blockBytes:(at+cols)/w.block*w.blockBytes])
			if !small {
				r := (*superRecord)(unsafe.Pointer(&tile[first]))
				for g := range 16 / p.every {
					r.scales[g][lane] = math.Float32bits(l.scales[g*p.every])
				}
				continue
			}
			for i := range cols / 32 {
				r := (*smallRecord)(unsafe.Pointer(&tile[first+i*smallBytes]))
				r.d[lane], r.m[lane] = l.scales[2*i], l.scales[2*i+1]
			}
		}
		half := smallBytes
		if !small {
			half = 512
		}
		transpose16(&tile[first], half, &stage[0][0], len(stage[0]), (cols+63)/64, p.fourTimes())
	}
	l.codes = nil
}
