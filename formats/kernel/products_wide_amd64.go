//go:build !purego

package kernel

import (
	"math"
	"unsafe"

	"bitmill/formats"
)

// wideKernel multiplies tiles, tileBytes apart, with eight tokens; stride is in bytes.
type wideKernel func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *int8, codeStride int, panel *int32)

// wideProduct says how AVX-512 multiplies a type. Codes are stored with add added to what the type's unpack gives. put
// writes a lane's scales, and may change its codes.
type wideProduct struct {
	kernel wideKernel
	add    uint8
	put    func(r *superRecord, lane int, codes *[256]uint8, s *superScales) // blocks of 256 of superTypeOf
	every  int                                                               // blocks of 256 of unpackLevels: which scales to take
}

var wideProducts = map[formats.Type]*wideProduct{
	formats.Q2_K: {kernel: wideMins16, put: putScaledMins},
	formats.Q3_K: {kernel: wideOffset, put: putScaledOffset},
	formats.Q4_K: {kernel: wideSuper32, put: putScalesMins},
	formats.Q5_K: {kernel: wideSuper32, put: putScalesMins},
	formats.Q6_K: {kernel: wideOffset16, add: 128 - 32, put: putScales},
	formats.Q4_0: {kernel: wideSmall, add: 128 - 8},
	formats.Q4_1: {kernel: wideSmallMins},
	formats.Q5_0: {kernel: wideSmall, add: 128 - 16},
	formats.Q5_1: {kernel: wideSmallMins},
	formats.Q8_0: {kernel: wideSmall},

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
	if p.put == nil && unpackLevels[j.w.Type] != nil {
		fill = j.fillLevelTile
	}
	j.wideTiles(blocks*record, record, func(tile []byte, row, rows int) {
		fill(p, tile, blocks, row, rows)
	}, func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int) {
		p.kernel(dst, stride, tile, tileBytes, tiles, blocks, &x.codes[t*x.stride], x.stride,
			&x.panel[t/panelTokens*blocks*x.form.panelWords()])
	})
}

// wideTiles calls fill for tiles of size bytes, as many as memory allows, and multiply for them and eight tokens from t on.
// fill may write up to slack bytes beyond its tile.
func (j *job) wideTiles(size, slack int, fill func(tile []byte, row, rows int),
	multiply func(dst *float32, stride int, tile *byte, tileBytes, tiles, t int)) {
	x := j.x
	most := min(max(1, wideBytes/size), (j.r1-j.r0+lanes-1)/lanes)
	memory := alignedBytes(&j.tiles.wide, most*size+slack)
	j.edge = grow(j.edge, most*lanes*panelTokens)
	for r := j.r0; r < j.r1; r += most * lanes {
		rows := min(most*lanes, j.r1-r)
		tiles := (rows + lanes - 1) / lanes
		for i := range tiles {
			fill(memory[i*size:], r+i*lanes, min(lanes, rows-i*lanes))
		}
		for t := 0; t < x.n; t += panelTokens {
			direct, tokens := rows/lanes, min(panelTokens, x.n-t)
			if tokens < panelTokens {
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

// fillSuperTile unpacks blocks of 256 of up to sixteen rows. Lanes beyond the last row keep what they held.
func (j *job) fillSuperTile(p *wideProduct, tile []byte, blocks, row, rows int) {
	w, st, stage, s := &j.w, superTypeOf(j.w.Type), aligned(&j.codes), &j.scales
	for i := range blocks {
		r := (*superRecord)(unsafe.Pointer(&tile[i*superBytes]))
		for lane := range rows {
			st.unpack(&stage[lane], s, w.row(row + lane)[i*w.blockBytes:][:w.blockBytes])
			r.d[lane], r.dmin[lane] = s.d, s.dmin
			p.put(r, lane, &stage[lane], s)
		}
		transpose16(&r.codes[0], 512, &stage[0][0], 256, 4, uint32(p.add)*(bits0&(1<<32-1)))
	}
}

// fillSmallTile unpacks blocks of 32 of up to sixteen rows.
func (j *job) fillSmallTile(p *wideProduct, tile []byte, blocks, row, rows int) {
	w, st, stage := &j.w, smallTypeOf(j.w.Type), aligned(&j.codes)
	size := w.blockBytes
	for b := 0; b < blocks; b += 8 {
		count := min(8, blocks-b)
		for lane := range rows {
			src := w.row(row + lane)[b*size:]
			for i := range count {
				r := (*smallRecord)(unsafe.Pointer(&tile[(b+i)*smallBytes]))
				r.d[lane], r.m[lane] = st.unpack((*[32]uint8)(stage[lane][32*i:]), src[i*size:i*size+size])
			}
		}
		transpose16(&tile[b*smallBytes], smallBytes, &stage[0][0], 256, (count+1)/2, uint32(p.add)*(bits0&(1<<32-1)))
	}
}

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
		transpose16(&tile[first], half, &stage[0][0], len(stage[0]), (cols+63)/64, uint32(p.add)*(bits0&(1<<32-1)))
	}
	l.codes = nil
}

// putScales stores a scale per 16 columns.
func putScales(r *superRecord, lane int, _ *[256]uint8, s *superScales) {
	for g := range 16 {
		r.scales[g][lane] = uint32(int32(s.scales[g]))
	}
}

// putScalesMins stores a scale and a minimum per 32 columns.
func putScalesMins(r *superRecord, lane int, _ *[256]uint8, s *superScales) {
	for g := 0; g < 8; g += 2 {
		r.scales[g][lane] = uint32(int32(s.scales[g]))
		r.scales[g+1][lane] = uint32(int32(s.scales[g+1]))
		r.mins[g/2][lane] = pair(-s.mins[g], -s.mins[g+1])
	}
}

// putScaledMins multiplies codes up to 3 with their scale up to 15, and stores a minimum per 16 columns.
func putScaledMins(r *superRecord, lane int, codes *[256]uint8, s *superScales) {
	for g := 0; g < 16; g += 2 {
		r.mins[g/2][lane] = pair(-s.mins[g], -s.mins[g+1])
		for i, scale := range [4]uint64{uint64(s.scales[g]), uint64(s.scales[g]), uint64(s.scales[g+1]), uint64(s.scales[g+1])} {
			store8(codes[:], 16*g+8*i, load8(codes[:], 16*g+8*i)*scale)
		}
	}
}

// putScaledOffset replaces codes c, 0 to 7, by (c-4)*scale + 127 with scales from -32 to 31: 3 to 255.
func putScaledOffset(r *superRecord, lane int, codes *[256]uint8, s *superScales) {
	for g := range 16 {
		scale := int64(s.scales[g])
		zero := uint64(127-4*scale) * bits0
		for i := 16 * g; i < 16*g+16; i += 8 {
			store8(codes[:], i, zero+load8(codes[:], i)*uint64(scale)) // bytes borrow nothing in the end
		}
	}
}
