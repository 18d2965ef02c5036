package kernel

import (
	"math"
	"unsafe"

	"bitmill/eval/kernel/vec"
	"bitmill/formats/block"
)

// Functions for tiles: see portable.

// laneSum is the product of columns from k to k+n-1 of a lane of a tile with activation codes, less is taken off codes.
func laneSum(codes []uint8, lane, k, n int, q []int8, less int32) (sum int32) {
	for i := k; i < k+n; i++ {
		sum += (int32(codes[64*(i/4)+4*lane+i%4]) - less) * int32(q[i-k])
	}
	return sum
}

// lowHigh returns one of two int16 in a word.
func lowHigh(v uint32, i int) int32 { return int32(int16(v >> (16 * (i % 2)))) }

// eachLane calls block for every lane of the products with fours of tokens: it adds to a sum.
func eachLane(dst *float32, stride, tokens, blocks, accumulate int, block func(t, b, lane int, sum float32) float32) {
	for t := range tokens {
		to := span(dst, t*stride, lanes)
		if accumulate == 0 {
			clear(to)
		}
		for lane := range lanes {
			for b := range blocks {
				to[lane] = block(t, b, lane, to[lane])
			}
		}
	}
}

func kquantTilePortable(typ *weightType) kquantTileFunc {
	return func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
		d *float32, dStride int, sums *int16, sumStride, accumulate int) {
		records := &(*kquantTile)(unsafe.Pointer(tile)).records
		eachLane(dst, stride, 4*fours, blocks, accumulate, func(t, b, lane int, sum float32) float32 {
			q, s := span(codes, t*codeStride+256*b, 256), span(sums, t*sumStride+512/typ.group*b, 256/typ.group)
			return kquantLane(typ, &records[b], lane, q, s, span(d, t*dStride, blocks)[b], sum)
		})
	}
}

// kquantLane adds to total the product of a lane of a record whose scales are pairs, with activations of scale d.
func kquantLane(typ *weightType, r *kquantRecord, lane int, q []int8, sums []int16, d, total float32) float32 {
	var products, mins int32
	for g, sum := range sums {
		at := typ.group * g
		products += lowHigh(r.scales[g][lane], 0) * laneSum(r.codes[:], lane, at, typ.group, q[at:], 0)
		mins += lowHigh(r.mins[g/2][lane], g) * int32(sum)
	}
	if typ.offset > 0 {
		products += mins
	} else {
		total = vec.FMA(d*r.dmin[lane], float32(mins), total)
	}
	return vec.FMA(d*r.d[lane], float32(products), total)
}

func legacyTilePortable(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
	d *float32, dStride int, sums *int16, sumStride int, s *float32, offset *int16, accumulate int) {
	records := &(*legacyTile)(unsafe.Pointer(tile)).records
	eachLane(dst, stride, 4*fours, blocks, accumulate, func(t, b, lane int, total float32) float32 {
		r, pair := &records[b], span(sums, t*sumStride+4*b, 2)
		sum := laneSum(r.codes[:], lane, 0, 32, span(codes, t*codeStride+32*b, 32), 0) +
			int32(*offset)*(int32(pair[0])+int32(pair[1]))
		total = vec.FMA(span(d, t*dStride, blocks)[b]*r.d[lane], float32(sum), total)
		if s != nil {
			total = vec.FMA(span(s, t*dStride, blocks)[b], r.m[lane], total)
		}
		return total
	})
}

func signedTilePortable(group int, dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
	d *float32, dStride, accumulate int) {
	records := &(*legacyTile)(unsafe.Pointer(tile)).records
	eachLane(dst, stride, 4*fours, blocks, accumulate, func(t, b, lane int, total float32) float32 {
		r, q := &records[b], span(codes, t*codeStride+32*b, 32)
		var sums [2]int32
		for k := range 32 {
			sums[k/group%2] += int32(int8(r.codes[64*(k/4)+4*lane+k%4])) * int32(q[k])
		}
		scale := span(d, t*dStride, blocks)[b]
		if total = vec.FMA(scale*r.d[lane], float32(sums[0]), total); group < 32 {
			total = vec.FMA(scale*r.m[lane], float32(sums[1]), total)
		}
		return total
	})
}

func int16TilePortable(dst *float32, stride, fours int, tile *byte, blocks int, codes *int16, codeStride int,
	d *float32, dStride, accumulate int) {
	records := &(*int16Tile)(unsafe.Pointer(tile)).records
	eachLane(dst, stride, 4*fours, blocks, accumulate, func(t, b, lane int, total float32) float32 {
		sum := int32(0)
		for k, q := range span(codes, t*codeStride+64*b, 32) {
			sum += int32(records[b].codes[2*lanes*(k/2)+2*lane+k%2]) * int32(q)
		}
		return vec.FMA(span(d, t*dStride, blocks)[b]*records[b].d[lane], float32(sum), total)
	})
}

// eachFull calls block for every lane of tiles and eight tokens: it adds to a sum.
func eachFull(dst *float32, stride, tiles, blocks int, block func(tile, t, b, lane int, sum float32) float32) {
	for i := range tiles {
		eachLane(&span(dst, 4*lanes*i, 1)[0], stride, BlockTokens, blocks, 0,
			func(t, b, lane int, sum float32) float32 { return block(i, t, b, lane, sum) })
	}
}

func kquantFullPortable(typ *weightType) fullTileFunc {
	return func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *int8, codeStride int,
		tokenBlock *int32) {
		eachFull(dst, stride, tiles, blocks, func(i, t, b, lane int, sum float32) float32 {
			r := (*kquantRecord)(unsafe.Pointer(&span(tile, i*tileBytes+b*kquantBytes, 1)[0]))
			lines, first := span(tokenBlock, 4*b*kquantTokenWords, kquantTokenWords), 5
			if typ.group == 32 {
				first = 1
			}
			sums := make([]int16, 256/typ.group)
			for g := range sums {
				sums[g] = int16(lowHigh(uint32(lines[(first+g/2)*BlockTokens+t]), g))
			}
			return kquantLane(typ, r, lane, span(codes, t*codeStride+256*b, 256), sums, bitsOf(lines[t]), sum)
		})
	}
}

func signedFullPortable(typ *weightType) fullTileFunc {
	return func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *int8, codeStride int,
		tokenBlock *int32) {
		group := min(32, typ.group)
		eachFull(dst, stride, tiles, blocks, func(i, t, b, lane int, sum float32) float32 {
			r := (*kquantRecord)(unsafe.Pointer(&span(tile, i*tileBytes+b*kquantBytes, 1)[0]))
			q, d := span(codes, t*codeStride+256*b, 256), bitsOf(span(tokenBlock, 4*b*kquantTokenWords, BlockTokens)[t])
			for g := range 256 / group {
				part := laneSum(r.codes[:], lane, group*g, group, q[group*g:], 128)
				sum = vec.FMA(math.Float32frombits(r.scales[g][lane])*d, float32(part), sum)
			}
			return sum
		})
	}
}

func legacyFullPortable(typ *weightType) fullTileFunc {
	return func(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *int8, codeStride int,
		tokenBlock *int32) {
		eachFull(dst, stride, tiles, blocks, func(i, t, b, lane int, sum float32) float32 {
			r := (*legacyRecord)(unsafe.Pointer(&span(tile, i*tileBytes+b*legacyBytes, 1)[0]))
			q, lines := span(codes, t*codeStride+32*b, 32), span(tokenBlock, 4*b*legacyTokenWords, legacyTokenWords)
			less, group := int32(128), min(32, typ.group)
			if typ.form == FormQ8_1 {
				less = 0
			}
			sum = vec.FMA(bitsOf(lines[t])*r.d[lane], float32(laneSum(r.codes[:], lane, 0, group, q, less)), sum)
			if group < 32 {
				part := laneSum(r.codes[:], lane, group, group, q[group:], less)
				sum = vec.FMA(bitsOf(lines[t])*r.m[lane], float32(part), sum)
			}
			if typ.form == FormQ8_1 {
				sum = vec.FMA(bitsOf(lines[BlockTokens+t]), r.m[lane], sum)
			}
			return sum
		})
	}
}

func kquantFillPortable(typ *weightType, size int) kquantFillFunc {
	return func(record, src *byte, stride, rows int, stage *byte) {
		for lane := range rows {
			var s kquantScales
			typ.kquant((*[256]uint8)(span(stage, 256*lane, 256)), &s, span(src, lane*stride, size))
			(*kquantRecord)(unsafe.Pointer(record)).put(typ, lane, &s)
		}
	}
}

// put stores scales as pairs.
func (r *kquantRecord) put(typ *weightType, lane int, s *kquantScales) {
	r.d[lane], r.dmin[lane] = s.d, s.dmin
	for g := 0; g < 256/typ.group; g += 2 {
		r.scales[g][lane], r.scales[g+1][lane] = pair(s.scales[g], s.scales[g]), pair(s.scales[g+1], s.scales[g+1])
		r.mins[g/2][lane] = pair(-s.mins[g], -s.mins[g+1])
	}
}

func legacyFillPortable(typ *weightType, size int) legacyFillFunc {
	return func(record, src *byte, stride, rows int, stage *byte, blocks int) {
		for lane := range rows {
			for b := range blocks {
				r := (*legacyRecord)(unsafe.Pointer(&span(record, b*legacyBytes, 1)[0]))
				codes := (*[32]uint8)(span(stage, 256*lane+32*b, 32))
				r.d[lane], r.m[lane] = typ.legacy(codes, span(src, lane*stride+b*size, size))
			}
		}
	}
}

func bf16TilePortable(dst *float32, stride int, tile *byte, tileBytes, tiles, blocks int, codes *uint16,
	codeStride int) {
	eachFull(dst, stride, tiles, blocks, func(i, t, b, lane int, total float32) float32 {
		sum := float64(total)
		for k, x := range span(codes, t*codeStride+64*b, 32) {
			w := span(tile, i*tileBytes+b*bf16TileBytes+64*(k/2)+4*lane+2*(k%2), 2)
			sum += float64(block.FromBF16(x)) * float64(block.FromBF16(uint16(w[0])|uint16(w[1])<<8))
		}
		return float32(sum)
	})
}
