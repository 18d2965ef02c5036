package kernel

import (
	"bitmill/formats"
	"bitmill/formats/block"
)

// Functions for rows: see portable.

// eachRow calls row for the products of rows that lie one after the other.
func eachRow(dst *float32, w *byte, rows, rowBytes int, row func(w []byte) float64) {
	for r := range rows {
		span(dst, 0, rows)[r] = float32(row(span(w, r*rowBytes, rowBytes)))
	}
}

func floatRowPortable(t formats.Type) floatRowFunc {
	return func(dst *float32, w *byte, rows, stride, n int, x *float32) {
		values := make([]float32, n)
		for r := range rows {
			if err := block.Decode(t, values, span(w, r*stride, n*t.BlockBytes())); err != nil {
				panic(err)
			}
			span(dst, 0, rows)[r] = dotFloat(values, span(x, 0, n))
		}
	}
}

// kquantRowPortable: a block has sixteen sums of activation codes, negated; with groups of 32 eight zeros, then eight
// sums.
func kquantRowPortable(t formats.Type, typ *weightType) kquantRowFunc {
	return func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16) {
		eachRow(dst, w, rows, blocks*t.BlockBytes(), func(row []byte) (total float64) {
			var c [256]uint8
			var s kquantScales
			for b := range blocks {
				typ.kquant(&c, &s, row[b*t.BlockBytes():])
				var products, mins int32
				for g := range 256 / typ.group {
					products += int32(s.scales[g]) * dotCodes(c[typ.group*g:][:typ.group],
						span(codes, 256*b+typ.group*g, typ.group))
					mins += int32(s.mins[g]) * int32(span(sums, 32*b, 16)[g+16-256/typ.group])
				}
				total += float64(span(d, 0, blocks)[b] * kquantSum(typ, products, mins, s.d, s.dmin))
			}
			return total
		})
	}
}

// kquantSum is the product of a block with activations of scale one; mins is negated.
func kquantSum(typ *weightType, products, mins int32, d, dmin float32) float32 {
	if typ.offset > 0 {
		return d * float32(products+mins)
	}
	return d*float32(products) + dmin*float32(mins)
}

// legacyRowPortable: a block has its scale and its scaled sum, and -offset*sum as an integer.
func legacyRowPortable(t formats.Type, typ *weightType) legacyRowFunc {
	return func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *float32, offsets *[4]int32) {
		eachRow(dst, w, rows, blocks*t.BlockBytes(), func(row []byte) (total float64) {
			for b := range blocks {
				c, d, m := unsignedBlock(t, typ, row[b*t.BlockBytes():][:t.BlockBytes()])
				s := span(scales, 8*b, 2)
				sum := dotCodes(c[:32], span(codes, 32*b, 32)) + span(offsets, 16*b, 1)[0][0]
				total += float64(d*s[0]*float32(sum) + m*s[1])
			}
			return total
		})
	}
}

// unsignedBlock unpacks a block of 32 or more with one scale to codes plus the type's offset.
func unsignedBlock(t formats.Type, typ *weightType, b []byte) (codes [256]uint8, d, m float32) {
	if typ.legacy != nil {
		d, m = typ.legacy((*[32]uint8)(codes[:]), b)
		return codes, d, m
	}
	c := signedCodes{codeFuncs: codeFuncsGeneric, codes: make([]int8, t.BlockLen()),
		scales: make([]float32, t.BlockLen()/16)}
	typ.signed(&c, b)
	for i, v := range c.codes {
		codes[i] = uint8(int(v) + typ.offset)
	}
	return codes, c.scales[0], 0
}

// block64RowPortable: scales stand for sixteen fours of codes, starts are sums of four codes times -offset.
func block64RowPortable(t formats.Type, typ *weightType) block64RowFunc {
	return func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *[16]float32, starts *int32) {
		cols := blocks * t.BlockLen()
		eachRow(dst, w, rows, blocks*t.BlockBytes(), func(row []byte) (total float64) {
			c := signedRow(t, typ, row, cols)
			for i := range cols / 4 {
				sum := span(starts, 4*i, 1)[0]
				for k, q := range span(codes, 4*i, 4) {
					sum += int32(q) * int32(int(c.codes[4*i+k])+typ.offset)
				}
				total += float64(c.scales[i/4]*span(scales, 64*(i/16), 1)[0][i%16]) * float64(sum)
			}
			return total
		})
	}
}

func signedRow(t formats.Type, typ *weightType, row []byte, cols int) *signedCodes {
	c := &signedCodes{codeFuncs: codeFuncsGeneric, codes: make([]int8, cols), scales: make([]float32, cols/16)}
	typ.signed(c, row)
	return c
}

func iq4xsRowPortable(t formats.Type, typ *weightType) iq4xsRowFunc {
	return func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, starts *int32) {
		eachRow(dst, w, rows, blocks*t.BlockBytes(), func(row []byte) (total float64) {
			c := signedRow(t, typ, row, 256*blocks)
			for i := range 64 * blocks {
				sum := span(starts, 4*i, 1)[0]
				for k, q := range span(codes, 4*i, 4) {
					sum += int32(q) * (int32(c.codes[4*i+k]) + 128)
				}
				total += float64(c.scales[i/4]*span(d, 4*(i/64), 1)[0]) * float64(sum)
			}
			return total
		})
	}
}

// codebookRowPortable: d has the factor of the type, so that scales of groups are whole numbers times d of weights.
func codebookRowPortable(t formats.Type, typ *weightType) codebookRowFunc {
	return func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16, table *byte) {
		eachRow(dst, w, rows, blocks*t.BlockBytes(), func(row []byte) (total float64) {
			c := signedRow(t, typ, row, 256*blocks)
			for g, scale := range c.scales {
				sum := int32(0)
				for k, q := range span(codes, 16*g, 16) {
					sum += int32(q) * int32(c.codes[16*g+k])
				}
				total += float64(scale/typ.factor*span(d, 4*(g/16), 1)[0]) * float64(sum)
			}
			return total
		})
	}
}
