package infer

import "bitmill/eval/kernel"

// conv is a depthwise causal convolution: each channel of a token is a sum over the channel's last values,
//
//	y[t][c] = bias[c] + Σ_i taps[i][c]*x[t-size+1+i][c]     0 <= i < size
//
// Values before the first token are zeros. What a sequence remembers of it is its window: the last size-1 rows of x.
type conv struct {
	taps  []float32 // [size][width]
	bias  []float32 // nil: none
	width int       // channels
}

// conv binds the convolution of that name without suffix. The tensor has the taps of a channel in a row.
func (l *loader) conv(name string, width, size int) conv {
	c := conv{width: width}
	rows := l.values(name+".weight", size, width)
	c.taps = make([]float32, len(rows))
	for i, v := range rows {
		c.taps[i%size*width+i/size] = v
	}
	c.bias = l.optional(name+".bias", width)
	return c
}

// window is the number of values in a window, [size-1][width], the oldest row first.
func (c *conv) window() int { return len(c.taps) - c.width }

// channels sets n rows of dst to the convolution of n rows of x and updates the window, all for channels [from, to)
// only: the rows of dst and x begin with channel from. They may not overlap.
func (c *conv) channels(set *kernel.Set, dst []float32, dstStride int, x []float32, stride, n int, window []float32,
	from, to int) {
	set.Convolve(dst, dstStride, x, stride, n, window[min(from, len(window)):], c.taps[from:], len(c.taps)/c.width, c.width,
		to-from)
	for t := range n {
		if c.bias != nil {
			set.Add(dst[t*dstStride:][:to-from], c.bias[from:])
		}
	}
}
