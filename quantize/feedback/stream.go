package feedback

import (
	"cmp"
	"iter"
	"slices"

	"bitmill/eval/infer"
	"bitmill/formats"
)

// stream is the residual stream of one model.
type stream struct {
	art   *Artifact // nil: the full model's
	model *infer.Model
	x     *slab // [tokens][width]
}

// open loads the models and embeds the tokens. The full model comes first.
func (u *run) open(artifacts []Artifact, seqs []infer.Sequence) (list []*stream, err error) {
	for i := range u.runners {
		u.runners[i] = infer.NewRunner(u.pool, infer.Options{Kernel: u.Kernel, Observe: u.observe, Multiply: u.multiply,
			Sum: u.front, Added: u.behind, NoHead: true})
	}
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
			release(u.source, 0, u.source.Config.Layers)
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
		if err := u.embed(s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// embed begins a stream.
func (u *run) embed(s *stream) error {
	s.x = u.shelf.take(u.tokens * u.width)
	u.streams = u.shelf.used
	for i := range u.groups {
		u.at = &u.groups[i]
		x, err := u.current().Layers(s.model, u.at.seqs, nil, 0, 0)
		if err == nil {
			err = u.put(s, x)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partsAlone are the ranges [from, to) of parts of layers that run without the others.
func partsAlone(m *infer.Model) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		n := m.PartCount()
		for from, to := 0, 1; from < n; from, to = to, to+1 {
			for to < n && m.CutPart(to) != nil {
				to++
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

// parts runs parts [from, to) of layers on a stream and quantizes their matrices on the way.
func (u *run) parts(s *stream, from, to int) error {
	u.begin(s, from, to)
	u.active = true
	if s.art == nil {
		err := u.through()
		u.shelved = u.shelf.used
		return err
	}
	u.at = &u.groups[len(u.groups)-1]
	x, err := u.forward()
	u.active = false
	if err = cmp.Or(u.err, err); err == nil {
		err = cmp.Or(u.put(s, x), u.others())
	}
	if err != nil {
		return err
	}
	for k, start := range u.replaced { // mapped data take no memory
		if formats.LayerOf(k.name) < 0 {
			continue
		}
		if err := s.model.Replace(k.name, k.expert, start); err != nil {
			return err
		}
	}
	return nil
}

// through runs the parts for all groups.
func (u *run) through() error {
	for i := range u.groups {
		u.at, u.seen = &u.groups[i], nil
		x, err := u.forward()
		if err = cmp.Or(u.err, err); err == nil {
			err = cmp.Or(u.put(u.stream, x), u.ctx.Err())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins a pass.
func (u *run) begin(s *stream, from, to int) {
	full := u.full
	if s.art == nil {
		u.shelf.drop(u.streams)
		full = map[key]*fullSite{}
	}
	u.pass = pass{art: s.art, model: s.model, stream: s, from: from, to: to, full: full, sites: map[key]*site{},
		settled: map[key]bool{}, pending: map[string]int{}, replaced: map[key][]byte{}}
}

// get is the current group's part of a stream.
func (u *run) get(s *stream) ([]float32, error) {
	return u.shelf.get(s.x, u.at.start*u.width, (u.at.start+u.at.n)*u.width, &u.words)
}

// put stores it.
func (u *run) put(s *stream, x []float32) error { return u.shelf.put(s.x, u.at.start*u.width, x) }

// heads chooses the output matrices, where they are not the embedding.
func (u *run) heads(streams []*stream) error {
	if u.source.Config.Tied {
		return nil
	}
	for _, s := range streams {
		u.begin(s, 0, 0)
		w := s.model.Output()
		if s.art != nil {
			if err := u.settle(w); err != nil {
				return err
			}
			if u.pending[w.Name] == 0 {
				continue
			}
		}
		err := u.final(func(x []float32) error {
			if s.art == nil {
				return u.noteFull(w, x, u.at.n, false)
			}
			return u.note(w, x, u.at.n, nil)
		})
		if s.art == nil {
			u.shelved = u.shelf.used
		} else if err == nil {
			err = u.chooseStage()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// final calls f with what the output matrix reads, group by group.
func (u *run) final(f func(x []float32) error) error {
	for i := range u.groups {
		u.at, u.seen = &u.groups[i], nil
		x, err := u.get(u.stream)
		if err != nil {
			return err
		}
		x = slices.Clone(x)
		u.current().FinalNorm(u.model, x)
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
