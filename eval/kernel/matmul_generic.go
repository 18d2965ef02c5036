package kernel

import "bitmill/formats/block"

// matmulGeneric unpacks a row and multiplies it with every token.
func matmulGeneric(dst []float32, stride int, w stored, x *Activations, r0, r1 int, s *Scratch) {
	super, small := superTypeOf(w.Type), smallTypeOf(w.Type)
	if x.form == FormF32 {
		super, small = nil, nil
	}
	for r := r0; r < r1; r++ {
		switch {
		case super != nil:
			unpackSuperRow(super, &w, r, s)
			for t := range x.n {
				dst[t*stride+r] = dotSuper(super, s, x, t)
			}
		case small != nil:
			unpackSmallRow(small, &w, r, s)
			for t := range x.n {
				dst[t*stride+r] = dotSmall(small, s, x, t)
			}
		default:
			s.floats = grow(s.floats, w.Cols)
			if strip := w.strip(r); strip != nil {
				for b := range w.strips.blocks {
					w.strips.decode(s.floats[b*w.strips.cols:(b+1)*w.strips.cols], strip, b, r%lanes)
				}
			} else {
				_ = block.Decode(w.Type, s.floats, w.row(r)) // the lengths have been checked
			}
			for t := range x.n {
				dst[t*stride+r] = dotFloat(s.floats, x.f32[t*x.stride:][:x.cols])
			}
		}
	}
}

func unpackSuperRow(st *superType, w *stored, r int, s *Scratch) {
	n := w.Cols / 256
	s.bytes, s.scales = grow(s.bytes, w.Cols), grow(s.scales, n)
	if strip := w.strip(r); strip != nil {
		for i := range n {
			w.strips.unweave(s.bytes[256*i:], &s.scales[i], strip, i, r%lanes)
		}
		return
	}
	row := w.row(r)
	for i := range n {
		st.unpack((*[256]uint8)(s.bytes[256*i:]), &s.scales[i], row[w.blockBytes*i:])
	}
}

// dotSuper multiplies an unpacked row with a token: see superScales for the formula.
func dotSuper(st *superType, s *Scratch, x *Activations, t int) float32 {
	var sum float32
	for i := range s.scales {
		w := &s.scales[i]
		var products, mins int32
		for g := 0; g < 256/st.group; g++ {
			at := 256*i + st.group*g
			products += int32(w.scales[g]) * dotCodes(s.bytes[at:at+st.group], x.codes[t*x.stride+at:][:st.group])
			sums := x.sums16[(t*x.cols+at)/16:]
			q := int32(sums[0])
			if st.group == 32 {
				q += int32(sums[1])
			}
			mins += int32(w.mins[g]) * q
		}
		d := x.d[t*(x.cols/256)+i]
		if st.signed {
			sum += (d * w.d) * float32(products-mins)
		} else {
			sum += (d * w.d) * float32(products)
			sum -= (d * w.dmin) * float32(mins)
		}
	}
	return sum
}

func unpackSmallRow(st *smallType, w *stored, r int, s *Scratch) {
	n := w.Cols / 32
	s.bytes, s.floats = grow(s.bytes, w.Cols), grow(s.floats, 2*n)
	strip := w.strip(r)
	for i := range n {
		codes, d, m := s.bytes[32*i:], &s.floats[2*i], &s.floats[2*i+1]
		if strip != nil {
			*d, *m = w.strips.unweave(codes, nil, strip, i, r%lanes)
		} else {
			*d, *m = st.unpack((*[32]uint8)(codes), w.row(r)[w.blockBytes*i:])
		}
	}
}

// dotSmall multiplies an unpacked row with a token: see smallType for the formula.
func dotSmall(st *smallType, s *Scratch, x *Activations, t int) float32 {
	var sum float32
	for i := range x.cols / 32 {
		products := dotCodes(s.bytes[32*i:32*i+32], x.codes[t*x.stride+32*i:][:32])
		d := s.floats[2*i] * x.d[t*(x.cols/32)+i]
		if x.form == FormQ8_1 {
			sum += d*float32(products) + s.floats[2*i+1]*x.s[t*(x.cols/32)+i]
			continue
		}
		sums := x.sums16[(t*x.cols+32*i)/16:]
		sum += d * float32(products-int32(st.offset)*(int32(sums[0])+int32(sums[1])))
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
