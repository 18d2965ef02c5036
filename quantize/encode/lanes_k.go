package encode

import "bitmill/formats/block"

// The K-types on lanes. Each function does what the one of the same name in q*_k.go does, for a batch of super-blocks at once.

func (b *batch) encodeQ4_K(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		b.fit45(n, 15, grid{-1, 0.1, 20})
		for i := range n / 256 {
			out, q := (*[144]byte)(dst[(at/256+i)*144:]), (*[256]uint8)(b.q[256*i:])
			copy(out[:16], b.heads[i][:])
			pack4(out[16:], q)
		}
	})
}

func (b *batch) encodeQ5_K(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		b.fit45(n, 31, grid{-0.5, 0.1, 15})
		for i := range n / 256 {
			out, q := (*[176]byte)(dst[(at/256+i)*176:]), (*[256]uint8)(b.q[256*i:])
			copy(out[:16], b.heads[i][:])
			packBit(out[16:], q, 4)
			pack4(out[48:], q)
		}
	})
}

// fit45 sets b.heads and b.q.
func (b *batch) fit45(n int, top int32, plain grid) {
	if b.importance == nil {
		b.searchAffine(n, 32, top, plain, false, spreadOut)
		b.plainScales(n, 8, 63)
	} else {
		b.weigh(2)
		b.searchAffine(n, 32, top, weightedGrid, false, fromRow)
		b.searchScales(8, 63)
	}
	for i := range n / 256 {
		head := &b.heads[i]
		d, dmin := putHalf(head[:], b.d[i]), putHalf(head[2:], b.dmin[i])
		packed := (*[12]byte)(head[4:])
		packScalesMins(packed, (*[8]uint8)(b.s[8*i:]), (*[8]uint8)(b.t[8*i:]))
		s, t := block.ScalesMins(packed)
		for j := range s {
			b.scale[8*i+j] = d * float32(int32(s[j]))
			b.offset[8*i+j] = float32(dmin * float32(int32(t[j])))
		}
	}
	b.affineLevels(n, 32, top)
}

// plainScales sets b.s, b.t, b.d and b.dmin without a search.
func (b *batch) plainScales(n, count int, top int32) {
	var scales, mins [16]float32
	for i := range n / 256 {
		for j := range count {
			scales[j], mins[j] = b.affine[i*count+j].scale, b.affine[i*count+j].min
		}
		b.d[i] = plainLevels(b.s[i*count:][:count], scales[:count], top)
		b.dmin[i] = plainLevels(b.t[i*count:][:count], mins[:count], top)
	}
}

// affineLevels sets b.q from b.scale and b.offset, or where a scale is zero from the fit.
func (b *batch) affineLevels(n, size int, top int32) {
	b.quotient(&b.q[0], &b.x[0], &b.scale[0], &b.offset[0], n/size, size, 0, int(top))
	for j, scale := range b.scale[:n/size] {
		if scale == 0 {
			b.affine[j].levels(b.q[j*size:][:size], b.x[j*size:][:size], top)
		}
	}
}

// symmetricLevels sets b.q from b.scale, or where a scale is zero by what the sub-block was fitted with.
func (b *batch) symmetricLevels(n, size int, half int32, fitted func(j int, q []uint8, x []float32)) {
	clear(b.offset[:n/size])
	b.quotient(&b.q[0], &b.x[0], &b.scale[0], &b.offset[0], n/size, size, int(-half), int(half-1))
	for j, scale := range b.scale[:n/size] {
		if scale == 0 {
			fitted(j, b.q[j*size:][:size], b.x[j*size:][:size])
		}
	}
}

func (b *batch) encodeQ2_K(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		if importance == nil {
			b.magnitudes(&b.w[0], &b.x[0], batchValues)
			b.searchAffine(n, 16, 3, grid{-0.5, 0.1, 15}, true, fromRow)
			b.plainScales(n, 16, 15)
		} else {
			b.weigh(1)
			b.searchAffine(n, 16, 3, weightedGrid, false, fromRow)
			b.searchScales(16, 15)
		}
		for i := range n / 256 {
			out := (*[84]byte)(dst[(at/256+i)*84:])
			d, dmin := putHalf(out[80:], b.d[i]), putHalf(out[82:], b.dmin[i])
			for j := range 16 {
				v := b.s[16*i+j] | b.t[16*i+j]<<4
				out[j] = v
				b.scale[16*i+j] = d * float32(int32(v&15))
				b.offset[16*i+j] = float32(dmin * float32(int32(v>>4)))
			}
		}
		b.affineLevels(n, 16, 3)
		for i := range n / 256 {
			pack2(dst[(at/256+i)*84+16:], (*[256]uint8)(b.q[256*i:]))
		}
	})
}

func (b *batch) encodeQ3_K(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		if importance == nil {
			b.refineScales(n, 4)
		} else {
			b.weigh(2)
			b.searchSymmetric(n, 16, 4, &b.w)
			b.searchScales3()
		}
		for i := range n / 256 {
			out := (*[110]byte)(dst[(at/256+i)*110:])
			var scales [16]float32
			for j := range scales {
				scales[j] = b.symmetric[16*i+j].scale
			}
			var s [16]uint8
			var d float32
			if importance == nil {
				d = spreadScales3(&s, &scales)
			} else {
				b.common[i].levels(s[:], scales[:], 32)
				d = b.common[i].scale
			}
			d = putHalf(out[108:], d)
			packed := (*[12]byte)(out[96:])
			packScales3(packed, &s)
			for j, scale := range block.Scales3(packed) {
				b.scale[16*i+j] = d * float32(int32(scale))
			}
		}
		if importance == nil {
			b.symmetricLevels(n, 16, 4, func(_ int, q []uint8, x []float32) { refineSymmetric(q, x, 4) })
		} else {
			b.symmetricLevels(n, 16, 4, func(j int, q []uint8, x []float32) { b.symmetric[j].levels(q, x, 4) })
		}
		for i := range n / 256 {
			out, q := (*[110]byte)(dst[(at/256+i)*110:]), (*[256]uint8)(b.q[256*i:])
			packBit(out[:], q, 2)
			pack2(out[32:], q)
		}
	})
}

// searchScales3 searches the scales of super-blocks like values and sets b.common; a column is a super-block.
func (b *batch) searchScales3() {
	for i := range b.common {
		for j := range 16 {
			b.tableX[j*b.columns+i], b.tableW[j*b.columns+i] = b.symmetric[16*i+j].scale, b.sums[16*i+j]
		}
	}
	b.symmetricSteps(32)
	b.symmetricTable(b.common[:], 16, 32)
}

func (b *batch) encodeQ6_K(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		w := b.importance
		if w == nil {
			w = &b.w
			b.squares(&w[0], &b.x[0], batchValues)
		}
		b.searchSymmetric(n, 16, 32, w)
		for i := range n / 256 {
			b.scales6((*[210]byte)(dst[(at/256+i)*210:]), i)
		}
		b.symmetricLevels(n, 16, 32, func(j int, q []uint8, x []float32) { b.symmetric[j].levels(q, x, 32) })
		for i := range n / 256 {
			if !b.empty[i] {
				pack6((*[210]byte)(dst[(at/256+i)*210:]), (*[256]uint8)(b.q[256*i:]))
			}
		}
	})
}

// scales6 stores the scales of super-block i and sets b.scale; it clears a super-block of zeros.
func (b *batch) scales6(out *[210]byte, i int) {
	var scales [16]float32
	for j := range scales {
		scales[j] = b.symmetric[16*i+j].scale
	}
	extreme, magnitude := largest(scales[:])
	b.empty[i] = magnitude < tiny
	if b.empty[i] {
		clear(out[:])
		return
	}
	inverse := -128 / extreme
	d := putHalf(out[208:], 1/inverse)
	for j, v := range scales {
		s := int8(min(127, nearest(inverse*v)))
		out[192+j] = byte(s)
		b.scale[16*i+j] = d * float32(int32(s))
	}
}
