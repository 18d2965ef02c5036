package kernel

import "bitmill/formats/block"

// matmulGeneric unpacks a row and multiplies it with every token.
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
		default:
			decodeRow(&w, r, s)
			for t := range x.n {
				dst[t*stride+r] = dotFloat(s.floats, x.f32[t*x.stride:][:x.cols])
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
	for b := range w.shape.blocks {
		w.shape.decode(s.floats[b*w.shape.cols:][:w.shape.cols], rows16, b, r%lanes)
	}
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
			sum += (d * w.d) * float32(products-mins)
		} else {
			sum += (d * w.d) * float32(products)
			sum -= (d * w.dmin) * float32(mins)
		}
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
		d := s.floats[2*i] * x.d[t*(x.cols/32)+i]
		if x.form == FormQ8_1 {
			sum += d*float32(products) + s.floats[2*i+1]*x.s[t*(x.cols/32)+i]
			continue
		}
		sums := x.sums16[(t*x.cols+32*i)/16:]
		sum += d * float32(products-int32(typ.offset)*(int32(sums[0])+int32(sums[1])))
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

// dotFloat is sum a[i]*b[i], summed in float64.
func dotFloat(a, b []float32) float32 {
	var even, odd float64
	b = b[:len(a)]
	i := 0
	for ; i+1 < len(a); i += 2 {
		even += float64(a[i]) * float64(b[i])
		odd += float64(a[i+1]) * float64(b[i+1])
	}
	if i < len(a) {
		even += float64(a[i]) * float64(b[i])
	}
	return float32(even + odd)
}
