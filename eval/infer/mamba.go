package infer

import "bitmill/formats/checkpoint/arch"

// mamba is a state space of Mamba 2 (arXiv 2405.21060). Every head has a state S [State][HeadDim]; heads of a group
// share B and C. With [z, u, dt] = in·x and [v, B, C] = silu(conv(u)), for each token
//
//	δ = softplus(dt + bias)      S = exp(δa)*S + B ⊗ δv      y = C·S + d*v
//	out·norm(silu(z) * y)
type mamba struct {
	slot
	arch.SSM
	in, out Linear
	conv    conv
	dtBias  []float32 // [Heads]
	a, d    []float32 // [Heads]
	gains   norm      // of each group; without a gain: none
}

// mamba binds the state space of a layer.
func (l *loader) mamba(blk func(string) string) *mamba {
	c := &l.c.Config
	s := *c.SSM
	m := &mamba{
		SSM:    s,
		in:     l.linear(blk("ssm_in.weight"), c.Width, s.Inner+s.ConvWidth()+s.Heads),
		out:    l.linear(blk("ssm_out.weight"), s.Inner, c.Width),
		conv:   l.conv(blk("ssm_conv1d"), s.ConvWidth(), s.Conv),
		dtBias: l.vector(blk("ssm_dt.bias"), s.Heads),
		a:      l.values(blk("ssm_a"), 1, s.Heads),
		d:      l.values(blk("ssm_d"), 1, s.Heads),
	}
	m.in.stored = true
	if name := blk("ssm_norm.weight"); l.has(name) {
		m.gains = norm{gain: l.values(name, s.Inner/s.Groups, s.Groups), part: s.Inner / s.Groups}
	}
	return m
}

func (m *mamba) matrices() []*Linear { return []*Linear{&m.in, &m.out} }

func (m *mamba) mix(p *pass) {
	in, n := p.input(&m.in), p.rows
	b := &p.ssm
	b.width = m.in.Rows
	p.multiply(in, n, product{dst: grow(&b.in, n*b.width), w: &m.in})
	p.recall(m)
	grow(&b.u, n*m.ConvWidth())
	grow(&b.y, n*m.Inner)
	b.columns = convColumns
	if n < ssmFew {
		b.columns = m.conv.width // too little to share
	}
	p.run(len(p.spans)*m.blocks(b.columns), (*convStep)(m))
	m.scan(p)
	if m.last && p.narrows {
		p.prepare(preparation{by: m, rows: b.y, n: n, width: m.Inner})
		p.narrow(b.y, m.Inner)
		p.prepareRows(b.y, p.rows, &m.out)
	} else {
		p.prepare(preparation{by: m, rows: b.y, n: n}, &m.out)
	}
	p.project(b.y, &m.out)
}

// convColumns is how many columns of a prompt one task convolves.
const convColumns = 256

func (m *mamba) blocks(columns int) int { return (m.conv.width + columns - 1) / columns }

// convStep convolves columns of one sequence.
type convStep mamba

func (m *convStep) task(p *pass, _, task int) {
	b, blocks := &p.ssm, (*mamba)(m).blocks(p.ssm.columns)
	s, from := task/blocks, task%blocks*b.columns
	to, width, span := min(from+b.columns, m.conv.width), m.conv.width, p.spans[s]
	dst := b.u[span.start*width+from:]
	m.conv.channels(p.set, dst, width, b.in[span.start*b.width+m.Inner+from:], b.width, span.n,
		p.states[s].(*ssmState).window, from, to)
	for t := range span.n {
		p.set.SiLUMul(dst[t*width:][:to-from], nil)
	}
}

// makeRow gates row t and normalizes it.
func (m *mamba) makeRow(p *pass, row []float32, t int) {
	z := p.ssm.in[t*p.ssm.width:][:m.Inner]
	p.set.SiLUMul(z, row)
	p.normalize(row, z, m.gains)
}

// ssmBuffers are the activations of the current state space.
type ssmBuffers struct {
	in     []float32 // [n][width]: z, u and dt
	u      []float32 // [n][ConvWidth], behind the convolution
	y      []float32 // [n][Inner]
	mixed  []float32 // of all chunks and groups: C·Bᵀ [chunk][chunk]
	turned []float32 // and Bᵀ [State][chunk]

	width   int
	columns int // of a task of the convolution
	chunks  []ssmChunk
	tasks   []ssmTask
}

// ssmState is the memory of a mamba.
type ssmState struct {
	window []float32 // of the convolution
	// heads are the states, [Heads][ceil(HeadDim/16)][State][16].
	heads []float32
}

func (s *ssmState) bytes() int64 { return 4 * int64(len(s.window)+len(s.heads)) }

func (s *ssmState) reset() {
	clear(s.window)
	clear(s.heads)
}

func (m *mamba) newState(old state, _ int) state {
	s, ok := old.(*ssmState)
	if !ok {
		s = new(ssmState)
	}
	grow(&s.window, m.conv.window())
	grow(&s.heads, m.Heads*m.State*wholePanels(m.HeadDim()))
	s.reset()
	return s
}

func (m *mamba) stateBytes(int) int64 {
	return 4 * int64(m.conv.window()+m.Heads*m.State*wholePanels(m.HeadDim()))
}
