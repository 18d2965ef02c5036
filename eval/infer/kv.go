package infer

import "bitmill/eval/kernel"

// kv is the state of attention: keys and values in float32. Both products of attention read it from front to back,
// panel by panel (see kernel.GemmPanels): a panel of keys is all dimensions of 16 positions, a panel of values 16
// dimensions of all positions.
//
//	keys    [heads][capacity/16][dims][16]
//	values  [heads][ceil(dims/16)][capacity][16]
type kv struct {
	keys, values []float32
	heads, dims  int
	capacity     int // positions, a multiple of 16
}

const panel = kernel.PanelCols

// wholePanels rounds up to a multiple of 16.
func wholePanels(n int) int { return (n + panel - 1) / panel * panel }

// newState leaves the contents undefined: positions that are not filled are not read.
func (a *attention) newState(old state, n int) state {
	s, ok := old.(*kv)
	if !ok {
		s = new(kv)
	}
	s.heads, s.dims, s.capacity = a.kvHeads, a.dims, wholePanels(n)
	grow(&s.keys, s.heads*s.dims*s.capacity)
	grow(&s.values, s.heads*wholePanels(s.dims)*s.capacity)
	return s
}

func (a *attention) stateBytes(past int) int64 {
	if a.window > 0 {
		past = min(past, a.window)
	}
	return 8 * int64(past) * int64(a.kvHeads*a.dims)
}

func (s *kv) bytes() int64 { return 4 * int64(len(s.keys)+len(s.values)) }

func (s *kv) reset() {}

// head returns the panels of head h.
func (s *kv) head(h int) (keys, values []float32) {
	return s.keys[h*s.dims*s.capacity:][:s.dims*s.capacity],
		s.values[h*wholePanels(s.dims)*s.capacity:][:wholePanels(s.dims)*s.capacity]
}

// store rotates the keys, normalizes values where the model does, and appends both to those of earlier passes.
func (p *pass) store(a *attention, k, v []float32) {
	p.recall(a)
	p.attn.tasks = p.attn.tasks[:0]
	for i, s := range p.spans {
		for at := 0; at < s.n; {
			n := min(panel-(s.past+at)%panel, s.n-at) // up to the end of a panel
			p.attn.tasks = append(p.attn.tasks, attnTask{span: i, row: s.start + at, pos: s.past + at, n: n})
			at += n
		}
	}
	p.attn.k, p.attn.v = k, v
	p.run(len(p.attn.tasks), (*storeStep)(a))
}

type storeStep attention

func (a *storeStep) task(p *pass, _, task int) {
	b, width := p.attn.tasks[task], a.kvHeads*a.dims
	to := p.states[b.span].(*kv)
	for h := range a.kvHeads {
		for t := range b.n {
			p.rotate((*attention)(a), p.attn.k[(b.row+t)*width+h*a.dims:][:a.dims], a.kNorm, b.span, b.pos+t)
			if a.vNorm != nil {
				v := p.attn.v[(b.row+t)*width+h*a.dims:][:a.dims]
				p.set.RMSNorm(v, v, a.vNorm, p.m.Config.NormEps)
			}
		}
		keys, values := to.head(h)
		p.set.PackPanel(keys[b.pos/panel*panel*a.dims+b.pos%panel:], p.attn.k[b.row*width+h*a.dims:], width, b.n, a.dims)
		for t := range b.n {
			from, d := p.attn.v[(b.row+t)*width+h*a.dims:][:a.dims], 0
			for ; d+panel <= a.dims; d += panel {
				*(*[panel]float32)(values[d*to.capacity+(b.pos+t)*panel:]) = [panel]float32(from[d:])
			}
			if d < a.dims {
				copy(values[d*to.capacity+(b.pos+t)*panel:][:panel], from[d:])
			}
		}
	}
}
