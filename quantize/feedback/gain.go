package feedback

import (
	"cmp"
	"context"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
)

// gainTokens for each column of the widest matrix are enough for gains.
const gainTokens = 10

// GainTokens is how many tokens of a text of so many Gains uses.
func GainTokens(c *checkpoint.Checkpoint, text int) int {
	return Tokens(c, text, gainTokens*widestInput(c))
}

// Gains returns, for every matrix, the error of its outputs after feedback, over that of errors that know nothing of
// each other. Feedback turns the moments H of the inputs into the diagonal of their LDL' decomposition (QuIP, arXiv
// 2307.13304), so that with U'U = inverse(H) this is
//
//	Σ 1/U_ii² / Σ H_ii
//
// On demo-l the solver's own errors in six types were 0.92 to 1.18 of it, where matrices differ from 0.16 to 0.6.
// o.Progress counts layers.
func Gains(ctx context.Context, pool *infer.Pool, source *checkpoint.Checkpoint, windows [][]int32,
	o Options) (map[string]float64, error) {
	o.Tokens = cmp.Or(o.Tokens, gainTokens*widestInput(source))
	u := newRun(ctx, pool, source, o)
	full, err := infer.Load(source)
	if err != nil {
		return nil, err
	}
	defer full.Close()
	seqs := u.hold(windows)
	g := &gains{run: u, of: map[string]float64{embeddingName: 1}} // one that is not tied stays as the encoder has it
	if source.Config.Tied {
		h, err := u.tied(full, seqs)
		if err != nil {
			return nil, err
		}
		if h.v != nil {
			g.of[embeddingName], err = u.gain(h)
		}
		if err != nil {
			return nil, err
		}
	}
	u.groups = split(seqs, infer.BatchTokens, infer.BatchTokens)
	u.runners[0] = infer.NewRunner(pool, infer.Options{Kernel: u.Kernel, Observe: g.observe, NoHead: true})
	u.runners[1] = u.runners[0]
	if u.shelf, err = openShelf(""); err != nil {
		return nil, err
	}
	s := &stream{model: full}
	if err := u.embed(s); err != nil {
		return nil, err
	}
	for from, to := range partsAlone(full) {
		u.begin(s, from, to)
		u.active = true
		if err := cmp.Or(u.through(), g.finish()); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(int64(full.LayerOf(to)), int64(source.Config.Layers))
		}
	}
	if out := full.Output(); out.Name != embeddingName {
		u.begin(s, 0, 0)
		u.active = true
		if err := cmp.Or(u.final(func(x []float32) error { return g.note(out, x, u.at.n) }), g.finish()); err != nil {
			return nil, err
		}
	}
	return g.of, nil
}

// gains is the state of Gains.
type gains struct {
	*run
	of map[string]float64
}

// observe takes down inputs of matrices whose gain is not known yet.
func (g *gains) observe(w *infer.Linear, x []float32, n int) {
	if g.active && len(x) > 0 && w.Cols%panel == 0 && g.of[w.Name] == 0 {
		g.stop(g.note(w, x, n))
	}
}

// note takes down an input. Of experts one counts: the first that has its share of the tokens of the first group.
func (g *gains) note(w *infer.Linear, x []float32, n int) error {
	k := key{name: w.Name}
	s := g.sites[k]
	switch {
	case s != nil && s.expert != w.Expert:
		return nil
	case s == nil && g.seen == &x[0]:
		s = g.last
	case s == nil && (g.at.number > 0 || w.Routed && n*w.Experts < g.at.n*g.source.Config.Experts.Used):
		return nil
	case s == nil:
		s = &site{cols: w.Cols, expert: w.Expert, routed: w.Routed}
	}
	g.sites[k], g.seen, g.last = s, &x[0], s
	if s.group > g.at.number {
		return nil
	}
	s.group = g.at.number + 1
	return g.add(s, x[:n*w.Cols], g.fitRows(w, n))
}

// finish computes the gains of the current layers.
func (g *gains) finish() error {
	of := map[*site]float64{}
	for k, s := range g.sites {
		if of[s] == 0 && (!s.routed || s.blocks.rows >= s.cols) {
			if err := g.run.finish(s); err != nil {
				return err
			}
			s.h.damp(g.damping(s.cols, s.blocks.rows))
			v, err := g.gain(s.h)
			if err != nil {
				return err
			}
			of[s] = v
		}
		if of[s] > 0 {
			g.of[k.name] = of[s]
		}
	}
	return nil
}

// gain is that of damped moments.
func (u *run) gain(h panelled) (float64, error) {
	size, left := 0.0, 0.0
	for _, v := range h.diagonal {
		size += float64(*v)
	}
	root, err := inverseRoot(u.pool, u.Kernel, h, feedbackOrder(h, 1, true))
	if err != nil {
		return 0, err
	}
	for _, v := range root.diagonal {
		left += 1 / (float64(*v) * float64(*v))
	}
	return left / size, nil
}
