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
type latentBuffers struct{ query, q, kv, byHead, expanded []float32 }

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
	byHead, expanded := grow(&b.byHead, n*c.Heads*s.Nope), grow(&b.expanded, n*c.Heads*s.KV)
	for h := range c.Heads {
		for t := range n {
			copy(byHead[(h*n+t)*s.Nope:][:s.Nope], full[(t*c.Heads+h)*(s.Nope+s.Rope):])
		}
	}
	p.perHead(l.keyB, byHead, expanded, n)
	for t := range n {
		for h := range c.Heads {
			head := q[(t*c.Heads+h)*c.HeadDim:][:c.HeadDim]
			copy(head[:s.Rope], full[(t*c.Heads+h)*(s.Nope+s.Rope)+s.Nope:])
			copy(head[s.Rope:], expanded[(h*n+t)*s.KV:])
		}
		key, from := k[t*c.HeadDim:][:c.HeadDim], kv[t*c.HeadDim:][:c.HeadDim]
		copy(key, from[s.KV:])
		p.set.RMSNorm(key[s.Rope:], from[:s.KV], l.kvNorm, c.NormEps)
		copy(v[t*c.HeadDim:][:c.HeadDim], key)
	}
}

// latentOut brings what attention gives, [tokens][heads][HeadDim], out of the latent space: [tokens][heads][Value].
func (p *pass) latentOut(l *latent, attn []float32, n int) []float32 {
	c, s, b := &p.m.Config, p.m.Config.Latent, &p.latent
	byHead, expanded := grow(&b.byHead, n*c.Heads*s.KV), grow(&b.expanded, n*c.Heads*s.Value)
	for h := range c.Heads {
		for t := range n {
			copy(byHead[(h*n+t)*s.KV:][:s.KV], attn[(t*c.Heads+h)*c.HeadDim+s.Rope:])
		}
	}
	p.perHead(l.valueB, byHead, expanded, n)
	out := attn[:n*c.Heads*s.Value]
	for t := range n {
		for h := range c.Heads {
			copy(out[(t*c.Heads+h)*s.Value:][:s.Value], expanded[(h*n+t)*s.Value:])
		}
	}
	return out
}

// perHead multiplies n rows of each head with the head's matrix.
func (p *pass) perHead(w []Linear, in, out []float32, n int) {
	p.routed.even(len(w), n)
	p.make(input{rows: in, n: len(w) * n, grouped: true}, &w[0])
	p.products = p.products[:0]
	for h := range w {
		p.groupProduct(&w[h], in, out)
	}
	p.multiplyAll(n)
}
