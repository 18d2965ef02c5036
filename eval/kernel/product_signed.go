//go:build amd64 && !purego

package kernel

import (
	"unsafe"

	"bitmill/formats"
)

// levelsKernel multiplies a tile of signed codes with groups of four tokens; strides are in bytes.
type levelsKernel func(dst *float32, stride, quads int, tile *byte, blocks int, codes *int8, codeStride int,
	d *float32, dStride int, accumulate int)

// scalesOf16 are the types of unpackLevels with a scale for sixteen codes; the others have one for 32 at least.
var scalesOf16 = map[formats.Type]bool{formats.IQ2_XS: true, formats.IQ2_S: true, formats.IQ1_M: true, formats.NVFP4: true}

// fewLevels are the largest magnitudes of types with so few levels that the kernels of the legacy types can take them, with
// that offset.
var fewLevels = map[formats.Type]int{formats.Q1_0: 1, formats.Q2_0: 1, formats.TQ1_0: 1, formats.TQ2_0: 1, formats.IQ1_S: 9,
	formats.MXFP4: 12, formats.IQ3_S: 15}

// levelTiles multiplies the types of unpackLevels: their float scales stand in the records of blocks of 32, the second of
// two in the place of the minimum.
func (j *job) levelTiles(unpack func(*levels, []byte)) {
	w, x := &j.w, j.x
	tile, kernel := aligned(&j.tiles.small), j.products.levels
	if scalesOf16[w.Type] {
		kernel = j.products.levels16
	}
	aligned(&j.codes)
	offset, few := fewLevels[w.Type]
	small := j.products.small5
	if offset == 1 {
		small = j.products.small4
	}
	for i := range j.offset {
		j.offset[i] = -int16(offset)
	}
	blocks, d := w.Cols/32, x.d
	if x.form.Block() == 256 {
		d = x.s // the same for each 32
	}
	for r := j.r0; r < j.r1; r += lanes {
		rows := min(lanes, j.r1-r)
		g := j.target(r, rows)
		for b := 0; b < blocks; b += len(tile.records) {
			count := min(len(tile.records), blocks-b)
			for i := 0; i < count; i += 8 {
				j.fillLevels(tile.records[i:min(i+8, count)], unpack, offset, r, rows, b+i)
			}
			g.each(func(dst *float32, stride, first, quads int) {
				if few {
					small(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), count,
						&x.codes[first*x.stride+32*b], x.stride, &d[first*blocks+b], 4*blocks,
						&x.sums16[(first*blocks+b)*2], 4*blocks, nil, &j.offset[0], b)
					return
				}
				kernel(dst, stride, quads, (*byte)(unsafe.Pointer(tile)), count,
					&x.codes[first*x.stride+32*b], x.stride, &d[first*blocks+b], 4*blocks, b)
			})
		}
		g.copyEdge(x.n, rows)
	}
}

// fillLevels unpacks up to 256 columns from block b on of up to sixteen rows into records of 32, with an offset unless it
// is 0.
func (j *job) fillLevels(records []smallRecord, unpack func(*levels, []byte), offset, row, rows, b int) {
	w, l, cols := &j.w, &j.tiles.levels, 32*len(records)
	l.scales = grow(l.scales, 16)
	from, to := 32*b/w.block*w.blockBytes, (32*b+cols)/w.block*w.blockBytes
	for lane := range lanes {
		if lane >= rows {
			for i := range records {
				records[i].d[lane], records[i].m[lane] = 0, 0
			}
			continue
		}
		l.codes = unsafe.Slice((*int8)(unsafe.Pointer(&j.codes[lane])), cols)
		unpack(l, w.row(row + lane)[from:to])
		if offset > 0 {
			codes := j.codes[lane][:cols]
			for i := 0; i < cols; i += 8 {
				store8(codes, i, (load8(codes, i)^bit7)-uint64(128-offset)*bits0)
			}
		}
		for i := range records {
			records[i].d[lane], records[i].m[lane] = l.scales[2*i], l.scales[2*i+1]
		}
	}
	l.codes = nil
	j.transposeCodes(&records[0].codes[0], int(unsafe.Sizeof(records[0])), j.codes, len(records))
}
