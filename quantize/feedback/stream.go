package feedback

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"bitmill/eval/infer"
)

// stream is the residual stream of one model.
type stream struct {
	art   *Artifact // nil: the full model's
	model *infer.Model
	x     []float32 // [tokens][width]
}

// open loads the models and embeds the tokens. The full model comes first.
func (u *run) open(artifacts []Artifact, seqs []infer.Sequence) (list []*stream, err error) {
	u.runner = infer.NewRunner(u.pool, infer.Options{Kernel: u.Kernel, Observe: u.observe, Sum: u.front,
		Added: u.behind, NoHead: true})
	list = append(list, &stream{})
	for i := range artifacts {
		list = append(list, &stream{art: &artifacts[i]})
	}
	var tied panelled
	for _, s := range list {
		c := u.source
		if s.art != nil {
			c = s.art.Checkpoint
		}
		if s.model, err = infer.Load(c); err != nil {
			return nil, err
		}
		if s.art == nil && u.source.Config.Tied {
			if tied, err = u.tied(s.model, seqs); err != nil {
				return nil, err
			}
		}
		if s.art != nil && tied.v != nil {
			data, err := u.embedding(s.art, tied)
			if err == nil && data != nil {
				err = s.model.Replace(embeddingName, 0, data)
			}
			if err != nil {
				return nil, err
			}
		}
		if s.art != nil {
			u.total += matrices(s.model, tied.v != nil)
		}
		x, err := u.runner.Layers(s.model, seqs, nil, 0, 0)
		if err != nil {
			return nil, err
		}
		s.x = slices.Clone(x)
	}
	return list, nil
}

// layersAlone are the ranges [from, to) of layers that run without the others.
func layersAlone(m *infer.Model) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from, to := 0, 1; from < m.Config.Layers; from, to = to, to+1 {
			for to < m.Config.Layers && m.Cut(to) != nil {
				to++
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

// layers runs layers [from, to) on a stream and quantizes their matrices on the way.
func (u *run) layers(s *stream, seqs []infer.Sequence, from, to int) error {
	clear(u.pools)
	u.art, u.model, u.seen, u.replaced = s.art, s.model, nil, map[key][]byte{}
	if s.art == nil {
		u.sites.reset()
	}
	u.active = true
	x, err := u.runner.Layers(s.model, seqs, s.x, from, to)
	u.active = false
	if err = cmp.Or(u.err, err); err != nil {
		return err
	}
	copy(s.x, x)
	for k, start := range u.replaced { // mapped data take no memory
		if err := s.model.Replace(k.name, k.expert, start); err != nil {
			return err
		}
	}
	return nil
}

// heads chooses the output matrices, where they are not the embedding.
func (u *run) heads(streams []*stream) error {
	if u.source.Config.Tied {
		return nil
	}
	for _, s := range streams {
		u.runner.FinalNorm(s.model, s.x)
		w := s.model.Output()
		u.art, u.model, u.replaced = s.art, s.model, map[key][]byte{}
		if s.art == nil {
			u.sites.reset()
			if err := u.note(s.x, len(s.x)/u.width); err != nil {
				return err
			}
			u.sites.of[key{w.Name, w.Expert}] = u.sites.last
			continue
		}
		u.solve.begin(s.x, u.fit)
		if err := u.matrix(w, nil); err != nil {
			return fmt.Errorf("tensor %s: %w", w.Name, err)
		}
	}
	return nil
}
