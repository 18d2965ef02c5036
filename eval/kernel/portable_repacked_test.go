package kernel

import (
	"math"
	"unsafe"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Functions for repacked rows: see portable.

// eachRepacked calls row for the products of rows in sixteens that lie one after the other.
func eachRepacked(t formats.Type, dst *float32, w *byte, sixteens, blocks int,
	row func(s *repackShape, rows16 []byte, lane int) float32) {
	l := repackLayoutOf(t)
	m := Matrix{Type: t, Rows: lanes, Cols: l.cols * blocks}
	s, _ := m.repackShape()
	for i := range sixteens {
		for lane := range lanes {
			span(dst, 0, lanes*sixteens)[lanes*i+lane] = row(&s, span(w, i*s.bytes(), s.bytes()), lane)
		}
	}
}

func kquantRepackedPortable(t formats.Type, typ *weightType) kquantRepackedFunc {
	return func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d *float32, sums *int16, _ *int32) {
		eachRepacked(t, dst, w, sixteens, blocks, func(s *repackShape, rows16 []byte, lane int) (total float32) {
			for b := range blocks {
				var c [256]uint8
				var scales kquantScales
				s.unpackRepacked(c[:], &scales, rows16, b, lane)
				var products, mins int32
				for g := range 256 / typ.group {
					products += int32(scales.scales[g]) * dotCodes(c[typ.group*g:][:typ.group],
						span(codes, 256*b+typ.group*g, typ.group))
					mins -= int32(scales.mins[g]) * int32(span(sums, 512/typ.group*b, 256/typ.group)[g])
				}
				total += span(d, 4*b, 1)[0] * kquantSum(typ, products, mins, scales.d, scales.dmin)
			}
			return total
		})
	}
}

func legacyRepackedPortable(t formats.Type) legacyRepackedFunc {
	return func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d, s *float32, starts *int32) {
		eachRepacked(t, dst, w, sixteens, blocks, func(shape *repackShape, rows16 []byte, lane int) (total float32) {
			for b := range blocks {
				var c [32]uint8
				wd, wm := shape.unpackRepacked(c[:], nil, rows16, b, lane)
				shape.look(c[:], shape.offset)
				sum := dotCodes(c[:], span(codes, 32*b, 32))
				if s != nil {
					total += wd*span(d, 4*b, 1)[0]*float32(sum) + wm*span(s, 4*b, 1)[0]
				} else {
					total += wd * span(d, 4*b, 1)[0] * float32(sum+span(starts, 4*b, 1)[0])
				}
			}
			return total
		})
	}
}

// look turns codes that stand for values into values plus add.
func (l *repackLayout) look(codes []uint8, add int) {
	if l.values == nil {
		return
	}
	for i, c := range codes {
		codes[i] = uint8(int(l.values[c]) + add)
	}
}

func signedRepackedPortable(t formats.Type) signedRepackedFunc {
	return func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d *float32, _ *int32, _ *byte) {
		eachRepacked(t, dst, w, sixteens, blocks, func(s *repackShape, rows16 []byte, lane int) float32 {
			var total float64
			c := signedCodes{codes: make([]int8, 256*blocks), scales: make([]float32, 16*blocks)}
			for b := range blocks {
				s.unpackSigned(&c, rows16, b, lane)
			}
			for k, v := range c.codes {
				scale := float64(c.scales[k/16]/s.factor) * float64(span(d, k/256*4, 1)[0])
				total += scale * float64(v) * float64(span(codes, k, 1)[0])
			}
			return float32(total)
		})
	}
}

func bf16RepackedPortable(dst *float32, w *byte, sixteens, blocks int, x *uint16) {
	eachRepacked(formats.BF16, dst, w, sixteens, blocks, func(s *repackShape, rows16 []byte, lane int) float32 {
		var total float64
		var values [plainCols]float32
		for b := range blocks {
			s.decodePlain(values[:], rows16, b, lane)
			for k, v := range values {
				total += float64(v) * float64(block.FromBF16(span(x, 2*plainCols*b, plainCols)[k]))
			}
		}
		return float32(total)
	})
}

// unpackRepackedPortable makes the records that kquantFillPortable and legacyFillPortable make.
func unpackRepackedPortable(t formats.Type) unpackRepackedFunc {
	return func(record, head, body *byte) {
		l := repackLayoutOf(t)
		for lane := range lanes {
			var c [256]uint8
			var s kquantScales
			d, m := l.unpackAt(c[:], &s, head, body, lane)
			l.look(c[:l.cols], l.offset)
			if l.kquant != nil {
				(*kquantRecord)(unsafe.Pointer(record)).put(l.weightType, lane, &s)
			} else {
				r := (*legacyRecord)(unsafe.Pointer(record))
				r.d[lane], r.m[lane] = d, m
				if l.offset > 0 {
					for i := range c[:32] {
						c[i] += uint8(128 - l.offset)
					}
				}
			}
			putLane(record, c[:l.cols], lane)
		}
	}
}

func unpackRepackedSignedPortable(t formats.Type) unpackRepackedSignedFunc {
	return func(record, head, body, table *byte, factor float32, add uint32) {
		l, r := repackLayoutOf(t), (*kquantRecord)(unsafe.Pointer(record))
		group := min(32, l.group)
		for lane := range lanes {
			var c [256]uint8
			d, _ := l.unpackAt(c[:], nil, head, body, lane)
			for i := range c {
				c[i] = span(table, 0, 64)[c[i]] + uint8(add)
			}
			putLane(record, c[:], lane)
			for g := range 256 / group {
				scale := d * factor
				if l.scaleBytes != nil {
					scale *= float32(int8(span(body, 64*(g/4)+4*lane+g%4, 1)[0]))
				}
				r.scales[g][lane] = math.Float32bits(scale)
			}
		}
	}
}

// unpackAt is unpackBlock with pointers.
func (l *repackLayout) unpackAt(codes []uint8, scales *kquantScales, head, body *byte, lane int) (d, m float32) {
	words := l.scaleWords + l.cols/4/len(l.Shifts)*l.Words
	return l.unpackBlock(codes, scales, span(head, 0, 64/l.perHead()), span(body, 0, 4*lanes*words), lane)
}

// putLane stores codes in a record of a tile.
func putLane(record *byte, codes []uint8, lane int) {
	for i, c := range codes {
		span(record, 64*(i/4)+4*lane+i%4, 1)[0] = c
	}
}
