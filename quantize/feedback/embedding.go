package feedback

import (
	"bytes"
	"math"
	"math/rand/v2"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// embeddingName is the tensor of token embeddings. In a tied model it is the output matrix as well.
const embeddingName = "token_embd.weight"

// sampleTokens are enough for the moments of the embedding.
const sampleTokens = 16384

// embeddingChoice is what is chosen for a tied embedding of a type, with the encoders' data.
type embeddingChoice struct {
	Choice
	typ   formats.Type
	start []byte
}

// tied returns the damped moments of the rows of a tied embedding, by what their errors do to the distribution of the
// next token. For the output matrix that is, with the normalized state h and the distribution p of each token,
//
//	Σ (1 - Σ p²)·h·h'
//
// and for looking up, the mean curvature of the divergence along random directions, in all of them: curvature·I.
func (u *run) tied(full *infer.Model, seqs []infer.Sequence) (h panelled, err error) {
	n := u.width
	if n%panel != 0 {
		return h, nil // no type that is chosen
	}
	h = newPanelled(n, n)
	var rows []float32
	observe := func(w *infer.Linear, x []float32, _ int) {
		if w.Name == embeddingName {
			rows = x
		}
	}
	r := infer.NewRunner(u.pool, infer.Options{Kernel: u.Kernel, Observe: observe})
	moved := infer.NewRunner(u.pool, infer.Options{Kernel: u.Kernel})
	tokens, curvature := 0, 0.0
	for _, s := range seqs {
		if tokens >= sampleTokens {
			break
		}
		logits, err := r.Forward(full, []infer.Sequence{s})
		if err != nil {
			return h, err
		}
		tokens += len(s.Tokens)
		weighted := u.weigh(rows, logits, full.Config.Vocab)
		if err := u.moments.load(&u.codes, weighted, len(s.Tokens), n); err != nil {
			return h, err
		}
		if err := u.moments.add(&h, &u.codes, &u.codes); err != nil {
			return h, err
		}
		if tokens <= sampleTokens/4 {
			c, err := u.curvature(moved, full, s, logits)
			if err != nil {
				return h, err
			}
			curvature += c
		}
	}
	h.mirror()
	share := min(float64(tokens), sampleTokens/4) / float64(tokens)
	for _, v := range h.diagonal {
		*v += float32(curvature / share)
	}
	u.tiedAdded = h.damp(u.damping(n, u.fit))
	return h, nil
}

// weigh multiplies the rows by sqrt(1 - Σ p²), with log Σ p² = LogSumExp(2·logits) - 2·LogSumExp(logits).
func (u *run) weigh(rows, logits []float32, vocab int) []float32 {
	out := make([]float32, len(rows))
	u.pool.Run(len(rows)/u.width, func(_, t int) {
		l, row := logits[t*vocab:][:vocab], out[t*u.width:][:u.width]
		lse := u.Kernel.LogSumExp(l)
		u.Kernel.Scale(l, 2)
		squares := math.Exp(u.Kernel.LogSumExp(l) - 2*lse)
		u.Kernel.Scale(l, 0.5)
		copy(row, rows[t*u.width:])
		u.Kernel.Scale(row, float32(math.Sqrt(max(0, 1-squares))))
	})
	return out
}

// curvature is 2·KL/(ε²·width) for embeddings moved by ε in random directions, summed over tokens; before are the
// logits without.
func (u *run) curvature(r *infer.Runner, full *infer.Model, s infer.Sequence, before []float32) (float64, error) {
	seqs := []infer.Sequence{s}
	x, err := r.Layers(full, seqs, nil, 0, 0)
	if err != nil {
		return 0, err
	}
	size := 0.0
	for _, v := range x {
		size += float64(v) * float64(v)
	}
	eps := 0.02 * math.Sqrt(size/float64(len(x)))
	rng := rand.New(rand.NewPCG(1, uint64(len(x))))
	moved := make([]float32, len(x))
	for i, v := range x {
		moved[i] = v + float32(eps*rng.NormFloat64())
	}
	logits, err := r.From(full, seqs, moved, 0)
	if err != nil {
		return 0, err
	}
	vocab := full.Config.Vocab
	sums := make([]float64, len(s.Tokens))
	u.pool.Run(len(sums), func(_, t int) {
		p, q := before[t*vocab:][:vocab], logits[t*vocab:][:vocab]
		sums[t] = u.Kernel.KLDivergence(p, q, u.Kernel.LogSumExp(p), u.Kernel.LogSumExp(q))
	})
	total := 0.0
	for _, v := range sums {
		total += v
	}
	return 2 * total / (eps * eps * float64(u.width)), nil
}

// embedding chooses a tied embedding. Artifacts in which the encoders made the same of it have one choice.
func (u *run) embedding(a *Artifact, h panelled) ([]byte, error) {
	u.report(1)
	if data := a.Have(embeddingName, 0); data != nil {
		return data, nil
	}
	start, ok := a.Checkpoint.Tensor(embeddingName)
	if !ok {
		return nil, nil
	}
	g := encode.GridOf(start.Type)
	t, ok := u.source.Tensor(embeddingName)
	if !ok || g == nil || t.Type == start.Type {
		return nil, nil
	}
	for _, e := range u.embeddings {
		if e.typ == start.Type && bytes.Equal(e.start, start.Bytes()) {
			return e.Data, a.Store(e.Choice)
		}
	}
	s, err := NewSolver(u.pool, u.Kernel, h, g)
	if err != nil {
		return nil, err
	}
	solvers, err := s.others(u.pool, h, u.tiedAdded, u.Starts)
	if err != nil {
		return nil, err
	}
	c := Choice{Name: embeddingName}
	rows, size := int(t.Rows()), len(start.Bytes())/int(t.Rows())
	values := make([]float32, min(rows, embeddingRows)*u.width)
	for r := 0; r < rows; r += embeddingRows {
		k := min(embeddingRows, rows-r)
		if err := t.Floats(values[:k*u.width], int64(r), int64(k)); err != nil {
			return nil, err
		}
		m := &matrix{run: u, g: g, typ: start.Type, rows: k, n: u.width, start: start.Bytes()[r*size : (r+k)*size],
			solvers: solvers}
		some := m.choose(values[:k*u.width])
		c.Data, c.Before, c.After = append(c.Data, some.Data...), c.Before+some.Before, c.After+some.After
	}
	u.embeddings = append(u.embeddings, embeddingChoice{typ: start.Type, start: start.Bytes(), Choice: c})
	return c.Data, a.Store(c)
}

// embeddingRows are chosen at a time: there may be very many.
const embeddingRows = 8192
