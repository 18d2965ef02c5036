package feedback

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"bitmill/eval/infer"
	"bitmill/formats"
)

// pass is the state of a pass of one model through parts of layers. An artifact's goes in stages: the matrices that are
// multiplied together are chosen before that, when their inputs in all groups are known. The last group's pass is the
// one that goes on from stage to stage. The groups before it run from the first of the parts to the stage, again for
// each stage: nothing but their streams has to be kept, and it costs less than to write all activations to a disk and
// to read them again.
type pass struct {
	art      *Artifact // whose it is; nil: the full model's
	model    *infer.Model
	stream   *stream
	from, to int  // parts of layers
	active   bool // layers run; else it is the embedding
	err      error

	at    *group
	turn  int       // the number of the products that come next
	stage int       // those whose matrices are being chosen
	sum   []float32 // the residual stream in front of the current sum; nil for other products
	seen  *float32  // the rows of the current site

	full     map[key]*fullSite // of these layers
	lastFull *fullSite

	sites   map[key]*site // of the stage
	list    []*site
	last    *site
	ran     bool           // the other groups have run to the stage
	settled map[key]bool   // matrices of these layers that need not be chosen any more
	pending map[string]int // the others, by tensor

	replaced map[key][]byte // of these layers, with the data before
}

// current is the runner of the current group.
func (u *run) current() *infer.Runner { return u.runners[min(1, len(u.groups)-1-u.at.number)] }

// stop ends the current pass if there is an error.
func (u *run) stop(err error) {
	if err != nil {
		u.err = err
		u.current().Stop()
	}
}

// front keeps the residual stream in front of a sum for the call of observe that follows.
func (u *run) front(_ *infer.Linear, stream []float32, _ int) { u.sum = stream }

// observe takes down inputs: all of the full model, of an artifact those of the stage.
func (u *run) observe(w *infer.Linear, x []float32, n int) {
	sum := u.sum
	u.sum = nil
	switch {
	case !u.active || len(x) == 0 || u.from > 0 && formats.LayerOf(w.Name) < 0: // what opens the model is chosen with layer 0
	case u.art != nil && u.turn == u.stage:
		u.stop(u.collect(w, x, n, sum))
	case u.art == nil && !w.Routed: // experts' tokens are others in an artifact
		u.stop(u.noteFull(w, x, n, sum != nil))
	}
}

// collect takes down an input of the stage, in the other groups first.
func (u *run) collect(w *infer.Linear, x []float32, n int, sum []float32) error {
	if err := u.settle(w); err != nil {
		return err
	}
	if u.pending[w.Name] == 0 || !w.Routed && u.settled[key{w.Name, w.Expert}] {
		return nil
	}
	if last := len(u.groups) - 1; u.at.number == last && !u.ran {
		u.ran = true
		if err := u.others(); err != nil {
			return err
		}
		u.at, u.turn, u.seen = &u.groups[last], u.stage, nil
	}
	return u.note(w, x, n, sum)
}

// others runs the other groups to the stage, or when all is chosen through the layers.
func (u *run) others() error {
	for i := range u.groups[:len(u.groups)-1] {
		if err := u.ctx.Err(); err != nil {
			return err
		}
		u.at, u.turn, u.seen = &u.groups[i], 0, nil
		x, err := u.forward()
		switch {
		case u.err != nil:
			return u.err
		case err == nil && !u.active:
			err = u.put(u.stream, x)
		case err == nil:
			return fmt.Errorf("internal error: layer %d has no products number %d", u.model.LayerOf(u.from), u.stage)
		case u.active && errors.Is(err, infer.ErrStopped):
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forward runs the layers for the current group.
func (u *run) forward() ([]float32, error) {
	x, err := u.get(u.stream)
	if err != nil {
		return nil, err
	}
	return u.current().Parts(u.model, u.at.seqs, x, u.from, u.to)
}

// multiply is called before products are computed.
func (u *run) multiply() {
	if !u.active {
		return
	}
	u.seen = nil
	if u.art != nil && u.turn == u.stage {
		if u.at.number < len(u.groups)-1 {
			u.current().Stop()
		}
		u.stop(u.chooseStage())
		u.stage++
	}
	u.turn++
}

// chooseStage chooses the matrices of the stage.
func (u *run) chooseStage() error {
	var pool expertPool
	slices.SortStableFunc(u.list, func(a, b *site) int { return cmp.Compare(a.expert, b.expert) })
	for i, s := range u.list {
		u.list[i] = nil // its memory
		if err := u.finish(s); err != nil {
			return err
		}
		if s.routed {
			pool.share(s)
		}
		for _, m := range s.matrices {
			if err := u.matrix(s, m); err != nil {
				return fmt.Errorf("tensor %s: %w", m.Name, err)
			}
		}
	}
	u.sites, u.list, u.ran = map[key]*site{}, nil, false
	u.shelf.drop(u.shelved)
	return nil
}

// settle takes the matrices of a tensor that need not be chosen: an earlier run has, or they are as in the source.
func (u *run) settle(w *infer.Linear) error {
	if _, ok := u.pending[w.Name]; ok {
		return nil
	}
	u.pending[w.Name] = 0
	if !chosen(w) {
		return nil
	}
	t, ok := u.source.Tensor(w.Name)
	start, same := u.art.Checkpoint.Tensor(w.Name)
	if !ok || !same || t.Cols() != start.Cols() || t.Rows() != start.Rows() {
		return fmt.Errorf("%w: tensor %s: the artifact was made from another model", formats.ErrCorrupt, w.Name)
	}
	count := max(1, w.Experts)
	if t.Type == start.Type { // a copy has no error
		u.report(int64(count))
		return nil
	}
	size := len(start.Bytes()) / count
	for i := range count {
		k := key{w.Name, i}
		u.replaced[k] = start.Bytes()[i*size : (i+1)*size]
		data := u.art.Have(w.Name, i)
		if data == nil {
			u.pending[w.Name]++
			continue
		}
		u.settled[k] = true
		u.report(1)
		if err := u.model.Replace(w.Name, i, data); err != nil {
			return err
		}
	}
	return nil
}
