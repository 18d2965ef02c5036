package infer

import "math"

// queriesPerTask is the number of consecutive queries of one head that one task attends for.
const queriesPerTask = 32

// headsOf normalises (when gain is not nil) and rotates the heads of every token of the batch.
func (p *pass) headsOf(x, gain []float32, heads int) {
	for _, s := range p.spans {
		p.rotateRows(x[s.start*heads*p.m.Config.HeadDim:], gain, heads, s.n, s.past)
	}
}

// queries does the same for the queries, which may be packed to the wanted rows.
func (p *pass) queries(x, gain []float32, packed bool) {
	at := 0
	for _, s := range p.spans {
		n, first := s.n, s.past
		if packed {
			n, first = s.wanted, s.past+s.n-s.wanted
		}
		p.rotateRows(x[at*p.m.Config.Heads*p.m.Config.HeadDim:], gain, p.m.Config.Heads, n, first)
		at += n
	}
}

// rotateRows handles n rows of heads at positions first, first+1, …
func (p *pass) rotateRows(x, gain []float32, heads, n, first int) {
	c := p.m.Config
	half := c.Rope.Dims / 2
	p.pool.Run(n, func(_, t int) {
		pos := first + t
		cos, sin := p.cos[pos*half:(pos+1)*half], p.sin[pos*half:(pos+1)*half]
		for h := range heads {
			head := x[(t*heads+h)*c.HeadDim : (t*heads+h+1)*c.HeadDim]
			if gain != nil {
				p.set.RMSNorm(head, head, gain, c.NormEps)
			}
			p.set.RoPE(head, cos, sin, c.Rope.Interleaved)
		}
	})
}

// keysAndValues returns where the span's keys and values of the layer lie, and the row stride of the keys.
func (p *pass) keysAndValues(span, layer int) (kv, int) {
	s := p.spans[span]
	if s.cache != nil {
		return s.cache.layers[layer], s.cache.capacity
	}
	return p.buf.kv[span], s.n
}

// store writes the batch's keys (transposed) and values behind those of earlier passes.
func (p *pass) store(layer int, k, v []float32) {
	c := p.m.Config
	for len(p.buf.kv) < len(p.spans) {
		p.buf.kv = append(p.buf.kv, kv{})
	}
	for i, s := range p.spans {
		if size := c.KVHeads * c.HeadDim * s.n; s.cache == nil && len(p.buf.kv[i].keys) < size {
			p.buf.kv[i] = p.m.newKV(s.n)
		}
	}
	p.pool.Run(len(p.spans)*c.KVHeads, func(_, task int) {
		i, h := task/c.KVHeads, task%c.KVHeads
		s := p.spans[i]
		to, capacity := p.keysAndValues(i, layer)
		keys := to.keys[h*c.HeadDim*capacity:]
		values := to.values[h*capacity*c.HeadDim:]
		for t := range s.n {
			at := ((s.start+t)*c.KVHeads + h) * c.HeadDim
			for d, x := range k[at : at+c.HeadDim] {
				keys[d*capacity+s.past+t] = x
			}
			copy(values[(s.past+t)*c.HeadDim:], v[at:at+c.HeadDim])
		}
	})
}

// attnTask is a block of queries of one head: rows [row, row+n) of q, at positions [pos, pos+n) of the span.
type attnTask struct{ span, head, row, pos, n int }

// attention computes out = softmax(Q·K^T / sqrt(HeadDim) + mask)·V for every query and head.
func (p *pass) attention(out, q []float32, layer int, packed bool) {
	var tasks []attnTask
	row := 0
	for i, s := range p.spans {
		n, pos := s.n, s.past
		if packed {
			n, pos = s.wanted, s.past+s.n-s.wanted
		}
		for h := range p.m.Config.Heads {
			for b := 0; b < n; b += queriesPerTask {
				tasks = append(tasks, attnTask{i, h, row + b, pos + b, min(queriesPerTask, n-b)})
			}
		}
		row += n
	}
	p.pool.Run(len(tasks), func(worker, i int) { p.attend(worker, out, q, layer, tasks[i]) })
}

func (p *pass) attend(worker int, out, q []float32, layer int, t attnTask) {
	c, window := p.m.Config, p.m.layers[layer].window
	kvs, capacity := p.keysAndValues(t.span, layer)
	kvHead := t.head * c.KVHeads / c.Heads
	keys := kvs.keys[kvHead*c.HeadDim*capacity:]
	values := kvs.values[kvHead*capacity*c.HeadDim:]
	first, end := 0, t.pos+t.n // keys any query of the block sees: [first, end)
	if window > 0 {
		first = max(0, t.pos-window+1)
	}
	n := end - first
	width := c.Heads * c.HeadDim
	scores := grow(&p.scores[worker], t.n*n)
	p.set.Gemm(scores, n, q[t.row*width+t.head*c.HeadDim:], width, keys[first:], capacity, t.n, n, c.HeadDim, false)
	scale := float32(1 / math.Sqrt(float64(c.HeadDim)))
	for i := range t.n {
		line := scores[i*n : (i+1)*n]
		from, to := 0, t.pos+i+1-first
		if window > 0 {
			from = max(0, t.pos+i-window+1-first)
		}
		clear(line[:from])
		p.set.Softmax(line[from:to], scale)
		clear(line[to:])
	}
	p.set.Gemm(out[t.row*width+t.head*c.HeadDim:], width, scores, n, values[first*c.HeadDim:], c.HeadDim, t.n, c.HeadDim, n, false)
}
