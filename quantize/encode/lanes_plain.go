package encode

// Conversions without a search. Inf has the exponent bits infinite; NaN has more.
const infinite = 0x7f800000

func (ws *workspace) encodeQ8_0(dst []byte, row, _ []float32) {
	if len(row) > 0 {
		ws.q8(&dst[0], &row[0], len(row)/32)
	}
}

func (ws *workspace) encodeF16(dst []byte, row, _ []float32) {
	n := len(row) &^ 31
	if n > 0 && ws.largestBits(&row[0], n) <= infinite {
		ws.float16(&dst[0], &row[0], n)
	} else {
		n = 0
	}
	encodeF16(dst[2*n:], row[n:], nil)
}

func (ws *workspace) encodeBF16(dst []byte, row, _ []float32) {
	n := len(row) &^ 31
	if n > 0 && ws.largestBits(&row[0], n) <= infinite {
		ws.bfloat16(&dst[0], &row[0], n)
	} else {
		n = 0
	}
	encodeBF16(dst[2*n:], row[n:], nil)
}

// finite reports whether all values are finite numbers.
func (l *lanes) finite(x []float32) bool { return l.largestBits(&x[0], len(x)) < infinite }
