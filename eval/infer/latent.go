package infer

// latent is multi-head latent attention (arXiv 2405.04434) with its expansion moved to the queries' side: per head,
//
//	scores = ropeQ·ropeK + nopeQ·(expandK·latent) = [ropeQ | expandKᵀ·nopeQ]·[ropeK | latent]
//	out    = expandV·(weights·latent)
//
// so that attention sees one head of keys, [ropeK | latent], whose values are itself. The first part of a key rotates.
type latent struct {
	q            Linear // [heads][nope+rope], of the norm's rows or of queryNorm's
	queryA       Linear // the queries' own latent; no rows: none
	queryNorm    []float32
	kv           Linear // latent, then the rotating key
	kvNorm       []float32
	keyB, valueB []Linear // of each head
}

func (l *loader) latent(blk func(string) string) *latent {
	c, s := l.c.Config, l.c.Config.Latent
	r := &latent{
		kv:     l.linear(blk("attn_kv_a_mqa.weight"), c.Width, s.KV+s.Rope),
		kvNorm: l.vector(blk("attn_kv_a_norm.weight"), s.KV),
		keyB:   make([]Linear, c.Heads),
		valueB: make([]Linear, c.Heads),
	}
	if s.Query > 0 {
		r.queryA = l.linear(blk("attn_q_a.weight"), c.Width, s.Query)
		r.queryNorm = l.vector(blk("attn_q_a_norm.weight"), s.Query)
		r.q = l.linear(blk("attn_q_b.weight"), s.Query, c.Heads*(s.Nope+s.Rope))
	} else {
		r.q = l.linear(blk("attn_q.weight"), c.Width, c.Heads*(s.Nope+s.Rope))
	}
	for h := range c.Heads {
		r.keyB[h] = l.stacked(blk("attn_k_b.weight"), s.Nope, s.KV, h, c.Heads)
		r.valueB[h] = l.stacked(blk("attn_v_b.weight"), s.KV, s.Value, h, c.Heads)
	}
	return r
}

// readers are the matrices that read the norm before attention.
func (l *latent) readers() []*Linear {
	if l.queryA.Rows > 0 {
		return []*Linear{&l.queryA, &l.kv}
	}
	return []*Linear{&l.q, &l.kv}
}

// buffers of latent attention, [tokens][...] but for byHead, [heads][tokens][...].
type latentBuffers struct{ query, q, kv, byHead []float32 }

// latentInput is what the making of rows for latent attention needs.
type latentInput struct {
	step, from int // of split: each head's part of with is step long, and that of rows begins at from
	k, v, norm []float32
}

// latentQKV makes queries, keys and values for n tokens from the rows of the norm.
func (p *pass) latentQKV(l *latent, norm []float32, n int, q, k, v []float32) {
	c, s, b := &p.m.Config, p.m.Config.Latent, &p.latent
	full, kv := grow(&b.q, n*l.q.Rows), grow(&b.kv, n*l.kv.Rows)
	if l.queryA.Rows > 0 {
		query := grow(&b.query, n*s.Query)
		p.linear(norm, n, product{dst: query, w: &l.queryA}, product{dst: kv, w: &l.kv})
		p.make(input{kind: parted, rows: query, n: n, parts: rowNorm{gain: l.queryNorm, part: s.Query}}, &l.q)
		p.linear(query, n, product{dst: full, w: &l.q})
	} else {
		p.linear(norm, n, product{dst: full, w: &l.q}, product{dst: kv, w: &l.kv})
	}
	p.perHead(l.keyB, full, q[s.Rope:], c.HeadDim, n, latentInput{step: s.Nope + s.Rope})
	keys := latentInput{k: k, v: v, norm: l.kvNorm}
	p.make(input{kind: latentQK, rows: q, n: n, width: c.Heads * c.HeadDim, latent: keys})
}

// latentRow makes key and value of token t, and the queries' rotating part.
func (p *pass) latentRow(q []float32, t int) {
	c, s, b, in := &p.m.Config, p.m.Config.Latent, &p.latent, &p.in.latent
	for h := range c.Heads {
		copy(q[h*c.HeadDim:][:s.Rope], b.q[(t*c.Heads+h)*(s.Nope+s.Rope)+s.Nope:])
	}
	key, from := in.k[t*c.HeadDim:][:c.HeadDim], b.kv[t*c.HeadDim:][:c.HeadDim]
	copy(key, from[s.KV:])
	p.set.RMSNorm(key[s.Rope:], from[:s.KV], in.norm, c.NormEps)
	copy(in.v[t*c.HeadDim:][:c.HeadDim], key)
}

// latentOut brings what attention gives, [tokens][heads][HeadDim], out of the latent space: [tokens][heads][Value].
func (p *pass) latentOut(l *latent, attn []float32, n int) []float32 {
	c, s := &p.m.Config, p.m.Config.Latent
	p.perHead(l.valueB, attn, attn, s.Value, n, latentInput{step: c.HeadDim, from: s.Rope})
	return attn[:n*c.Heads*s.Value]
}

// perHead multiplies a part of each of n tokens' heads with the head's matrix. In out, which may be from, heads are wide
// numbers apart.
func (p *pass) perHead(w []Linear, from, out []float32, wide, n int, part latentInput) {
	rows, size := grow(&p.latent.byHead, len(w)*n*w[0].Cols), n*w[0].Cols
	p.routed.even(len(w), n)
	p.make(input{kind: split, rows: rows, n: len(w) * n, with: from, grouped: true, latent: part}, &w[0])
	p.products = p.products[:0]
	for h := range w {
		x := &p.routed.forms[h][w[h].form]
		p.add(rows[h*size:], n, product{dst: out[h*wide:], w: &w[h], x: x, stride: len(w) * wide})
	}
	p.multiplyAll(n)
}

// splitRow copies the part of a head that is row t of [heads][tokens].
func (p *pass) splitRow(row []float32, t int) {
	in, heads := &p.in, p.m.Config.Heads
	n := in.n / heads
	copy(row, in.with[(t%n*heads+t/n)*in.latent.step+in.latent.from:])
}
