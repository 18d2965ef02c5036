package kernel

import (
	"bitmill/eval/kernel/vec"
	"bitmill/formats/block"
)

// matmulGeneric unpacks a row and multiplies it with every token.
//
// Integer sums are exact. To the float sum of a row and a token they are added one after another, as the columns follow
// each other, first the minima of a block and then its codes, each by a fused multiplication and addition with the
// rounded product of both scales. With plain numbers, and with activations in float32, the sum of every floatCols
// columns is a chain of fused multiplications and additions, and these sums are added up. Tiles of all instruction sets
// compute the same, to the last bit.
func matmulGeneric(dst []float32, stride int, w stored, x *Activations, r0, r1 int, s *Scratch) {
	exact := x.form == FormF32
	for r := r0; r < r1; r++ {
		switch {
		case w.typ.kquant != nil && !exact:
			unpackKQuantRow(&w, r, s)
			for t := range x.n {
				dst[t*stride+r] = dotKQuant(w.typ, s, x, t)
			}
		case w.typ.legacy != nil && !exact:
			unpackLegacyRow(&w, r, s)
			for t := range x.n {
				dst[t*stride+r] = dotLegacy(w.typ, s, x, t)
			}
		case w.typ.signed != nil && !exact:
			unpackSignedRow(&w, r, &s.rows.signed)
			for t := range x.n {
				dst[t*stride+r] = dotSigned(w.typ, &s.rows.signed, x, t)
			}
		default:
			decodeRow(&w, r, s)
			for t := 0; t < x.n; t += 4 {
				dotFloats(dst[t*stride+r:], stride, s.floats, x, t, min(4, x.n-t))
			}
		}
	}
}

func decodeRow(w *stored, r int, s *Scratch) {
	s.floats = grow(s.floats, w.Cols)
	rows16 := w.rows16(r)
	if rows16 == nil {
		_ = block.Decode(w.Type, s.floats, w.row(r)) // the lengths have been checked
		return
	}
	for b := range w.shape.blocks { // plain numbers
		w.shape.decodePlain(s.floats[b*w.shape.cols:][:w.shape.cols], rows16, b, r%lanes)
	}
}

func unpackSignedRow(w *stored, r int, c *signedCodes) {
	c.codes, c.scales, c.codeFuncs = grow(c.codes, w.Cols), grow(c.scales, w.Cols/16), codeFuncsGeneric
	rows16 := w.rows16(r)
	if rows16 == nil {
		w.typ.signed(c, w.row(r))
		return
	}
	for b := range w.shape.blocks {
		w.shape.unpackSigned(c, rows16, b, r%lanes)
	}
}

// dotSigned multiplies an unpacked row with a token, in groups of at most 32.
func dotSigned(typ *weightType, c *signedCodes, x *Activations, t int) (sum float32) {
	group, size := min(32, typ.group), x.form.blockLen()
	for at := 0; at < x.cols; at += group {
		var products int32
		for i, q := range x.codes[t*x.stride+at:][:group] {
			products += int32(c.codes[at+i]) * int32(q)
		}
		sum = vec.FMA(c.scales[at/16]*x.d[(t*x.cols+at)/size], float32(products), sum)
	}
	return sum
}

func unpackKQuantRow(w *stored, r int, s *Scratch) {
	n := w.Cols / 256
	s.bytes, s.scales = grow(s.bytes, w.Cols), grow(s.scales, n)
	if rows16 := w.rows16(r); rows16 != nil {
		for i := range n {
			w.shape.unpackRepacked(s.bytes[256*i:], &s.scales[i], rows16, i, r%lanes)
		}
		return
	}
	row := w.row(r)
	for i := range n {
		w.typ.kquant((*[256]uint8)(s.bytes[256*i:]), &s.scales[i], row[w.blockBytes*i:])
	}
}

// dotKQuant multiplies an unpacked row with a token: see kquantScales for the formula.
func dotKQuant(typ *weightType, s *Scratch, x *Activations, t int) float32 {
	var sum float32
	for i := range s.scales {
		w := &s.scales[i]
		var products, mins int32
		for g := range 256 / typ.group {
			at := 256*i + typ.group*g
			products += int32(w.scales[g]) * dotCodes(s.bytes[at:at+typ.group], x.codes[t*x.stride+at:][:typ.group])
			sums := x.sums16[(t*x.cols+at)/16:]
			q := int32(sums[0])
			if typ.group == 32 {
				q += int32(sums[1])
			}
			mins += int32(w.mins[g]) * q
		}
		d := x.d[t*(x.cols/256)+i]
		if typ.offset > 0 {
			products -= mins
		} else {
			sum = vec.FMA(d*w.dmin, float32(-mins), sum)
		}
		sum = vec.FMA(d*w.d, float32(products), sum)
	}
	return sum
}

func unpackLegacyRow(w *stored, r int, s *Scratch) {
	n := w.Cols / 32
	s.bytes, s.floats = grow(s.bytes, w.Cols), grow(s.floats, 2*n)
	rows16 := w.rows16(r)
	for i := range n {
		codes, d, m := s.bytes[32*i:], &s.floats[2*i], &s.floats[2*i+1]
		if rows16 != nil {
			*d, *m = w.shape.unpackRepacked(codes, nil, rows16, i, r%lanes)
		} else {
			*d, *m = w.typ.legacy((*[32]uint8)(codes), w.row(r)[w.blockBytes*i:])
		}
	}
}

// dotLegacy multiplies an unpacked row with a token: see unpack.go for the formula.
func dotLegacy(typ *weightType, s *Scratch, x *Activations, t int) float32 {
	var sum float32
	for i := range x.cols / 32 {
		products := dotCodes(s.bytes[32*i:32*i+32], x.codes[t*x.stride+32*i:][:32])
		if typ.offset > 0 {
			sums := x.sums16[(t*x.cols+32*i)/16:]
			products -= int32(typ.offset) * (int32(sums[0]) + int32(sums[1]))
		}
		sum = vec.FMA(s.floats[2*i]*x.d[t*(x.cols/32)+i], float32(products), sum)
		if x.form == FormQ8_1 {
			sum = vec.FMA(s.floats[2*i+1], x.s[t*(x.cols/32)+i], sum)
		}
	}
	return sum
}

// dotCodes is sum c[i]*q[i]; lengths are equal.
func dotCodes(c []uint8, q []int8) int32 {
	var sum int32
	q = q[:len(c)]
	for i, v := range c {
		sum += int32(v) * int32(q[i])
	}
	return sum
}

// dotFloats multiplies a row with up to four tokens, whose chains do not wait for each other.
func dotFloats(dst []float32, stride int, row []float32, x *Activations, t, tokens int) {
	for at := 0; at == 0 || at < len(row); at += floatCols {
		part := row[at:min(at+floatCols, len(row))]
		var sum [4]float32
		var of [4][]float32
		for i := range of {
			of[i] = x.f32[(t+min(i, tokens-1))*x.stride+at:][:len(part)]
		}
		for k, w := range part {
			for i := range sum {
				r, sure := vec.TryFMA(w, of[i][k], sum[i])
				if !sure {
					r = vec.FMA(w, of[i][k], sum[i])
				}
				sum[i] = r
			}
		}
		for i := range tokens {
			if at > 0 {
				sum[i] += dst[i*stride]
			}
			dst[i*stride] = sum[i]
		}
	}
}

// dotFloat is sum a[i]*b[i], summed in float64.
func dotFloat(a, b []float32) float32 {
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return float32(sum)
}
