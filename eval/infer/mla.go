package infer

// mla is multi-head latent attention (arXiv 2405.04434) with its expansion moved to the queries' side: per head,
//
//	scores = ropeQ·ropeK + nopeQ·(expandK·latent) = [ropeQ | expandKᵀ·nopeQ]·[ropeK | latent]
//	out    = expandV·(weights·latent)
//
// so that attention has one head of keys, [ropeK | latent], which are the values as well. RoPE turns their first part.
type mla struct {
	attention
	q            Linear // [heads][nope+rotary], multiplies the branch's input or the queries' latent
	queryA       Linear // the queries' own latent; without weights: none
	queryNorm    norm   // of that
	kv           Linear // latent, then ropeK
	kvNorm       []float32
	keyB, valueB []Linear // of each head: expandKᵀ, expandV
	o            Linear

	nope, rotary, latent, value int // lengths of nopeQ, ropeQ, the latent, and a head of out
}

func (l *loader) mla(i int, blk func(string) string) *mla {
	c, s := &l.c.Config, l.c.Config.Latent
	m := &mla{
		attention: l.attention(i, blk),
		kv:        l.linear(blk("attn_kv_a_mqa.weight"), c.Width, s.KV+s.Rope),
		kvNorm:    l.vector(blk("attn_kv_a_norm.weight"), s.KV),
		keyB:      make([]Linear, c.Heads),
		valueB:    make([]Linear, c.Heads),
		o:         l.linear(blk("attn_output.weight"), c.Heads*s.Value, c.Width),
		nope:      s.Nope, rotary: s.Rope, latent: s.KV, value: s.Value,
	}
	width, q := c.Width, "attn_q"
	if s.Query > 0 {
		m.queryA = l.linear(blk("attn_q_a.weight"), c.Width, s.Query)
		m.queryNorm = norm{gain: l.vector(blk("attn_q_a_norm.weight"), s.Query), part: s.Query}
		width, q = s.Query, "attn_q_b"
	}
	m.q = l.linear(blk(q+".weight"), width, c.Heads*(s.Nope+s.Rope))
	for h := range c.Heads {
		m.keyB[h] = l.stacked(blk("attn_k_b.weight"), s.Nope, s.KV, h, c.Heads)
		m.valueB[h] = l.stacked(blk("attn_v_b.weight"), s.KV, s.Value, h, c.Heads)
	}
	return m
}

func (m *mla) matrices() []*Linear {
	list := []*Linear{&m.o, &m.q, &m.queryA, &m.kv}
	for h := range m.keyB {
		list = append(list, &m.keyB[h], &m.valueB[h])
	}
	return list
}

// mlaBuffers are [tokens][...], except byHead: [heads][tokens][...].
type mlaBuffers struct{ query, full, latent, byHead []float32 }

func (m *mla) mix(p *pass) {
	n, width := p.rows, m.heads*m.dims
	q, k, v := grow(&p.buf.q, n*width), grow(&p.buf.k, n*m.dims), grow(&p.buf.v, n*m.dims)
	full, latent := grow(&p.mla.full, n*m.q.Rows), grow(&p.mla.latent, n*m.kv.Rows)
	if m.queryA.Rows > 0 {
		in, query := p.input(&m.queryA, &m.kv), grow(&p.mla.query, n*m.queryA.Rows)
		p.multiply(in, n, product{dst: query, w: &m.queryA}, product{dst: latent, w: &m.kv})
		p.normRows(query, n, m.queryNorm, &m.q)
		p.multiply(query, n, product{dst: full, w: &m.q})
	} else {
		p.multiply(p.input(&m.q, &m.kv), n, product{dst: full, w: &m.q}, product{dst: latent, w: &m.kv})
	}
	p.perHead(m.keyB, full, 0, m.nope+m.rotary, q[m.rotary:], m.dims)
	p.attn.k, p.attn.v = k, v
	p.prepare(preparation{by: m, rows: q, n: n, width: width})
	p.store(&m.attention, k, v)
	out := grow(&p.buf.attn, n*width)
	p.attend(&m.attention, out, q)
	p.perHead(m.valueB, out, m.rotary, m.dims, out, m.value) // out of the latent space
	out = out[:n*m.o.Cols]
	p.prepareRows(out, n, &m.o)
	p.project(out, &m.o)
}

// makeRow makes key and value of token t, and the rotating part of its queries.
func (m *mla) makeRow(p *pass, q []float32, t int) {
	b, head := &p.mla, m.nope+m.rotary
	for h := range m.heads {
		copy(q[h*m.dims:][:m.rotary], b.full[(t*m.heads+h)*head+m.nope:])
	}
	key, from := p.attn.k[t*m.dims:][:m.dims], b.latent[t*m.dims:][:m.dims]
	copy(key, from[m.latent:])
	p.set.RMSNorm(key[m.rotary:], from[:m.latent], m.kvNorm, p.m.Config.NormEps)
	copy(p.attn.v[t*m.dims:][:m.dims], key)
}

// perHead multiplies a part of each head of the current rows, w[h].Cols values from first on, by the head's matrix.
// Heads are step values apart; in out, which may be in, they are wide values apart.
func (p *pass) perHead(w []Linear, in []float32, first, step int, out []float32, wide int) {
	n := p.rows
	rows, size := grow(&p.mla.byHead, len(w)*n*w[0].Cols), n*w[0].Cols
	p.routed.even(len(w), n)
	p.heads = headRows{heads: len(w), step: step, part: in[first:]}
	p.prepare(preparation{by: &p.heads, rows: rows, n: len(w) * n, grouped: true}, &w[0])
	for h := range w {
		x := &p.routed.forms[h][p.m.formOf(&w[h])]
		p.queue(rows[h*size:], n, product{dst: out[h*wide:], w: &w[h], x: x, stride: len(w) * wide})
	}
	p.multiplyAll(n)
}

// headRows sorts a part of each token's heads, which are step values apart, by head: [heads][tokens].
type headRows struct {
	heads, step int
	part        []float32 // from the first head's on
}

func (h *headRows) makeRow(p *pass, row []float32, t int) {
	copy(row, h.part[(t%p.rows*h.heads+t/p.rows)*h.step:])
}
