package encode

// Conversions without a search. Inf has the exponent bits infinite; NaN has more.
const infinite = 0x7f800000

func (b *batch) encodeQ8_0(dst []byte, row, _ []float32) {
	if len(row) > 0 {
		b.q8(&dst[0], &row[0], len(row)/32)
	}
}

func (b *batch) encodeF16(dst []byte, row, _ []float32) {
	n := len(row) &^ 31
	if n > 0 && b.peak(&row[0], n) <= infinite {
		b.float16(&dst[0], &row[0], n)
	} else {
		n = 0
	}
	encodeF16(dst[2*n:], row[n:], nil)
}

func (b *batch) encodeBF16(dst []byte, row, _ []float32) {
	n := len(row) &^ 31
	if n > 0 && b.peak(&row[0], n) <= infinite {
		b.bfloat16(&dst[0], &row[0], n)
	} else {
		n = 0
	}
	encodeBF16(dst[2*n:], row[n:], nil)
}

// finite reports whether all values are finite numbers.
func (l *lanes) finite(x []float32) bool { return l.peak(&x[0], len(x)) < infinite }
