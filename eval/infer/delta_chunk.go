package infer

const (
	// deltaChunk tokens are multiplied at once. Chunks begin at multiples of it.
	deltaChunk = 64
	deltaFew   = 4 // fewer tokens go through the state one by one
	deltaBlock = 8 // rows of a triangular system that are solved one by one, with sums over those before as products
)

type deltaStep delta

// deltaScratch is a worker's memory for a chunk of n tokens.
type deltaScratch struct {
	rows     []float32 // [2][n][keyDim]: keys, then queries
	panels   []float32 // [n/16][keyDim][16]: the keys in panels
	columns  []float32 // [keyDim][deltaChunk]: their transpose
	products []float32 // [2][n][deltaChunk]: keys and queries times keys
	read     []float32 // [2][n][valueDim]: keys and queries times the state
	fading   []float32 // [2][n][deltaChunk]: products times what is left of a key
	left     []float32 // [n]: of each key, at the end of the chunk
	x        []float32 // [n][valueDim]
	xPanels  []float32 // [valueDim/16][deltaChunk][16]
	y        []float32 // [valueDim]

	decay, beta, ones []float32 // of each token
}

// task runs the heads of one sequence that share a key head.
func (d *deltaStep) task(p *pass, worker, task int) {
	s, key := &p.spans[task/d.keyHeads], task%d.keyHeads
	for at := 0; at < s.n; {
		n := min(deltaChunk-(s.past+at)%deltaChunk, s.n-at)
		(*delta)(d).tokens(p, &p.workers[worker].delta, p.states[task/d.keyHeads].(*deltaState), key, s.start+at, n)
		at += n
	}
}

// tokens runs n tokens of a chunk, whose rows begin at row. Exponentials are taken of whole panels, as those of single
// numbers differ in the last bit: so no row depends on how many there are.
func (d *delta) tokens(p *pass, w *deltaScratch, to *deltaState, key, row, n int) {
	dims, keys := d.keyDim, d.keyHeads*d.keyDim
	qkv := p.delta.qkv[row*d.conv.width:]
	grow(&w.rows, wholePanels(2*n*dims))
	for i, from := range [2]int{keys + key*dims, key * dims} {
		d.conv.channels(p.set, w.rows[i*n*dims:], dims, qkv[from:], d.conv.width, n, to.window, from, from+dims)
	}
	p.set.SiLUMul(w.rows, nil)
	for t := range 2 * n {
		r := w.rows[t*dims:][:dims]
		p.set.RMSNorm(r, r, [2][]float32{d.kGain, d.qGain}[t/n], lengthEps/float32(dims))
	}
	if n >= deltaFew {
		d.multiplyKeys(p, w, n)
	}
	group := d.heads / d.keyHeads
	for i := range group {
		h := key*group + i
		if d.tiled {
			h = i*d.keyHeads + key
		}
		d.values(p, w, to, qkv, h, n)
		d.gates(p, w, row, h, n)
		s, y := to.s[h*d.matrix():][:d.matrix()], p.delta.y[row*d.out.Cols+h*d.valueDim:]
		if n >= deltaFew {
			d.chunk(p, w, s, y, n)
		} else {
			d.steps(p, w, s, y, n)
		}
	}
}

// values sets w.x to the values of head h, padded to whole panels.
func (d *delta) values(p *pass, w *deltaScratch, to *deltaState, qkv []float32, h, n int) {
	from, wide := 2*d.keyHeads*d.keyDim+h*d.valueDim, wholePanels(d.valueDim)
	grow(&w.x, n*wide)
	if wide > d.valueDim {
		clear(w.x)
	}
	d.conv.channels(p.set, w.x, wide, qkv[from:], d.conv.width, n, to.window, from, from+d.valueDim)
	p.set.SiLUMul(w.x, nil)
}

// steps runs tokens one by one.
func (d *delta) steps(p *pass, w *deltaScratch, s, y []float32, n int) {
	dims, wide := d.keyDim, wholePanels(d.valueDim)
	grow(&w.y, wide)
	for t := range n {
		p.set.DeltaStep(s, w.rows[t*dims:][:dims], w.rows[(n+t)*dims:], w.x[t*wide:][:wide], w.y, w.decay[t], w.beta[t])
		copy(y[t*d.out.Cols:][:d.valueDim], w.y)
	}
}

// multiplyKeys makes what the heads of a key head share: the keys in panels and by columns, and the products of keys
// and queries with the keys up to them.
func (d *delta) multiplyKeys(p *pass, w *deltaScratch, n int) {
	dims := d.keyDim
	grow(&w.panels, wholePanels(n)*dims)
	grow(&w.columns, deltaChunk*dims)
	grow(&w.products, 2*n*deltaChunk)
	for at := 0; at < n; at += panel {
		keys := w.panels[at*dims:][:panel*dims]
		p.set.PackPanel(keys, w.rows[at*dims:], dims, min(panel, n-at), dims)
		for i := range dims {
			*(*[panel]float32)(w.columns[i*deltaChunk+at:]) = *(*[panel]float32)(keys[i*panel:])
		}
		for i := range 2 {
			first := i*n + at // keys and queries before see none of these keys
			p.set.GemmPanels(w.products[first*deltaChunk+at:], deltaChunk, w.rows[first*dims:], dims, keys, panel*dims,
				n-at, panel, dims, false)
		}
	}
}

// chunk runs n tokens at once. With the decays a[t], a[s..t] the product of those behind s up to t, and S the state
// before, the correction x[t] of token t (the WY form of arXiv 2406.06484) and what it reads are
//
//	x[t] = beta[t]*(v[t] - a[..t]*Sᵀk[t] - Σ_{s<t} a[s..t]*(k[t]·k[s])*x[s])
//	y[t] = a[..t]*Sᵀq[t] + Σ_{s<=t} a[s..t]*(q[t]·k[s])*x[s]
//	S'   = a[..n-1]*S + Σ_s a[s..n-1]*k[s] x[s]ᵀ
func (d *delta) chunk(p *pass, w *deltaScratch, s, y []float32, n int) {
	dims, wide := d.keyDim, wholePanels(d.valueDim)
	grow(&w.read, 2*n*wide)
	grow(&w.xPanels, deltaChunk*wide)
	p.set.GemmPanels(w.read, wide, w.rows, dims, s, panel*dims, 2*n, wide, dims, false)
	d.fade(p, w, n)
	keys, queries := w.read[:n*wide], w.read[n*wide:]
	left := float32(1) // of the state
	for t := range n {
		if left *= w.decay[t]; left < negligible {
			left = 0
		}
		x := w.x[t*wide:][:wide]
		p.set.AddScaled(x, keys[t*wide:], -left)
		p.set.Scale(x, w.beta[t])
		p.set.Scale(queries[t*wide:][:wide], left)
	}
	d.solve(p, w, n)
	for at := 0; at < n; at += panel {
		end := min(at+panel, n)
		p.set.GemmPanels(queries[at*wide:], wide, w.fading[(n+at)*deltaChunk:], deltaChunk, w.xPanels, panel*deltaChunk,
			end-at, wide, end, true)
	}
	for t := range n {
		copy(y[t*d.out.Cols:][:d.valueDim], queries[t*wide:])
		p.set.Scale(w.x[t*wide:][:wide], w.left[t])
	}
	w.pack(0, n, wide)
	p.set.Scale(s, left)
	for at := 0; at < wide; at += panel {
		p.set.GemmPanels(s[at*dims:], panel, w.columns, deltaChunk, w.xPanels[at*deltaChunk:], 0, dims, panel, n, true)
	}
}

// fade multiplies the products by a[s..t], and those of keys by -beta[t].
func (d *delta) fade(p *pass, w *deltaScratch, n int) {
	grow(&w.fading, 2*n*deltaChunk)
	grow(&w.left, wholePanels(n))
	for i := range 2 {
		for at := 0; at < n; at += panel {
			last := w.left[at:][:panel]
			clear(last)
			from := (i*n+at)*deltaChunk + at
			p.set.DecayRows(w.fading[from:], w.products[from:], deltaChunk, w.decay[at:n], w.ones[at:n], last)
		}
	}
	for t := range n {
		p.set.Scale(w.fading[t*deltaChunk:][:t], -w.beta[t])
	}
}

// solve adds to each row of x the sum over the rows before it, times what is left of their keys, and packs them.
func (d *delta) solve(p *pass, w *deltaScratch, n int) {
	wide := wholePanels(d.valueDim)
	for at := 0; at < n; at += deltaBlock {
		end := min(at+deltaBlock, n)
		if at > 0 {
			p.set.GemmPanels(w.x[at*wide:], wide, w.fading[at*deltaChunk:], deltaChunk, w.xPanels, panel*deltaChunk, end-at,
				wide, at, true)
		}
		for t := at + 1; t < end; t++ {
			for s := at; s < t; s++ {
				p.set.AddScaled(w.x[t*wide:][:wide], w.x[s*wide:][:wide], w.fading[t*deltaChunk+s])
			}
		}
		w.pack(at, end, wide)
	}
}

// pack copies rows [from, to) of x into the panels.
func (w *deltaScratch) pack(from, to, wide int) {
	for t := from; t < to; t++ {
		for at := 0; at < wide; at += panel {
			*(*[panel]float32)(w.xPanels[at*deltaChunk+t*panel:]) = *(*[panel]float32)(w.x[t*wide+at:])
		}
	}
}
