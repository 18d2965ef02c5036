package infer

// shortConv is a gated short convolution (arXiv 2511.23404). With in·x = (B, C, u), each as wide as x,
//
//	y = out·(C * conv(B*u))
type shortConv struct {
	slot
	conv
	in, out Linear
}

// shortConv binds the convolution of a layer.
func (l *loader) shortConv(blk func(string) string) *shortConv {
	c := &l.c.Config
	s := &shortConv{
		conv: l.conv(blk("shortconv.conv"), c.Width, c.Taps),
		in:   l.linear(blk("shortconv.in_proj.weight"), c.Width, 3*c.Width),
		out:  l.linear(blk("shortconv.out_proj.weight"), c.Width, c.Width),
	}
	s.in.stored = true
	return s
}

// window is the state of a convolution: the last rows of its input.
type window struct{ rows []float32 }

func (w *window) bytes() int64 { return 4 * int64(len(w.rows)) }
func (w *window) reset()       { clear(w.rows) }

func (s *shortConv) newState(old state, _ int) state {
	w, ok := old.(*window)
	if !ok {
		w = new(window)
	}
	grow(&w.rows, s.window())
	w.reset()
	return w
}

func (s *shortConv) stateBytes(int) int64 { return 4 * int64(s.window()) }
func (s *shortConv) matrices() []*Linear  { return []*Linear{&s.in, &s.out} }

func (s *shortConv) mix(p *pass) {
	in, n := p.input(&s.in), p.rows
	p.multiply(in, n, product{dst: grow(&p.buf.gate, n*s.in.Rows), w: &s.in})
	y := grow(&p.buf.attn, n*s.width)
	p.recall(s)
	p.run(len(p.spans)*s.parts(p), s)
	if s.last && p.narrows {
		p.narrow(y, s.width)
	}
	p.prepareRows(y, p.rows, &s.out)
	p.project(y, &s.out)
}

// The tokens and channels that a task has in the processor's cache at once, and the least channels of a task.
const (
	convTokens   = 16
	convChannels = 64
)

// parts is the number of parts into which the channels are cut.
func (s *shortConv) parts(p *pass) int {
	if p.rows < convTokens {
		return 1
	}
	return max(1, min(s.width/convChannels, 4*p.pool.Workers()))
}

// task computes a part of the channels of a sequence.
func (s *shortConv) task(p *pass, _, task int) {
	parts := s.parts(p)
	span, w := p.spans[task/parts], p.states[task/parts].(*window)
	from, to := task%parts*s.width/parts, (task%parts+1)*s.width/parts
	for at := 0; at < span.n; at += convTokens {
		n := min(convTokens, span.n-at)
		rows, y := p.buf.gate[(span.start+at)*3*s.width:], p.buf.attn[(span.start+at)*s.width:]
		gate := func(t, k int) []float32 { return rows[(3*t+k)*s.width+from:][:to-from] }
		for t := range n {
			p.set.Mul(gate(t, 2), gate(t, 0))
		}
		s.channels(p.set, y[from:], s.width, rows[2*s.width+from:], 3*s.width, n, w.rows, from, to)
		for t := range n {
			p.set.Mul(y[t*s.width+from:][:to-from], gate(t, 1))
		}
	}
}
