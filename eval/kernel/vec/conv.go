package vec

// Convolve sets n rows of dst to the depthwise causal convolution of n rows of x, and moves its window on:
//
//	dst[t][c] = Σ_i taps[i][c]*x[t-size+1+i][c]     0 <= i < size, c < channels
//
// where rows of x before the first are those of the window, [size-1][width], the oldest first, which ends with the last
// rows of x. taps is [size][width]. Rows of dst and x do not overlap; each product and each sum is rounded.
func (s *Set) Convolve(dst []float32, dstStride int, x []float32, stride, n int, window, taps []float32, size, width,
	channels int) {
	if n <= 0 || channels <= 0 {
		return
	}
	_, _ = dst[(n-1)*dstStride+channels-1], x[(n-1)*stride+channels-1]
	_ = taps[(size-1)*width+channels-1]
	if size > 1 {
		_ = window[(size-2)*width+channels-1]
	}
	whole := 0
	if f := s.conv.of[min(size, len(s.conv.of)-1)]; f != nil {
		if whole = channels &^ (s.conv.vector - 1); whole > 0 {
			f(&dst[0], 4*dstStride, &x[0], 4*stride, n, &window[0], &taps[0], 4*width, whole)
		}
	}
	if whole < channels {
		s.convolveRows(dst[whole:], dstStride, x[whole:], stride, n, window[min(whole, len(window)):], taps[whole:], size,
			width, channels-whole)
	}
}

// convFuncs are generated functions by the number of taps; nil: none. Their strides are in bytes, and they take whole
// vectors of so many channels.
type convFuncs struct {
	vector int
	of     convs
}

type convs [6]func(dst *float32, dstStride int, x *float32, stride, rows int, window, taps *float32, width, n int)

// convolveRows takes any number of channels and taps, row by row.
func (s *Set) convolveRows(dst []float32, dstStride int, x []float32, stride, n int, window, taps []float32, size, width,
	channels int) {
	before := size - 1
	row := func(t int) []float32 {
		if t < 0 {
			return window[(before+t)*width:][:channels]
		}
		return x[t*stride:][:channels]
	}
	for t := range n {
		y := dst[t*dstStride:][:channels]
		copy(y, row(t-before))
		s.Mul(y, taps)
		for i := 1; i < size; i++ {
			s.AddProduct(y, row(t-before+i), taps[i*width:])
		}
	}
	for i := range before { // row i becomes that of token n-before+i; it reads no row before i
		copy(window[i*width:][:channels], row(n-before+i))
	}
}
