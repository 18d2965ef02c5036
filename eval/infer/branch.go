package infer

import (
	"iter"
	"reflect"
	"slices"
)

// layer is a list of branches, which add to the residual stream one after another.
type layer []branch

// branch is one part of a layer. With the residual stream x,
//
//	x = out * (x + scale*after(mixer(norm(x))))
//
// Parallel branches (attention and feed-forward layer in Cohere and StableLM) read the norm of the first of them. In
// GPT-NeoX they read the same stream, each through its own norm.
type branch struct {
	norm     norm
	parallel bool // reads the norm of the branch before it
	beside   bool // has a norm of its own, of the stream that the branch before it reads
	mixer    mixer
	after    norm
	scale    float32 // 0: 1
	out      float32 // 0: 1
}

// mixer is what a branch computes: attention, a feed-forward layer, a recurrence. It holds weights only: its memory of
// a sequence is a state (see stateful), and its buffers belong to the pass.
type mixer interface {
	// matrices lists the weights; optional ones that the model lacks have no rows.
	matrices() []*Linear
	// mix sets p.residual to the output for the p.rows rows of p.input.
	mix(p *pass)
}

// stateful is a mixer with memory of earlier tokens.
type stateful interface {
	place() *slot
	// newState returns an empty state with room for n positions; it reuses old if that is of the mixer's kind.
	newState(old state, n int) state
	// stateBytes is how much of its state a token reads that follows past others.
	stateBytes(past int) int64
}

// state is a mixer's memory of one sequence: keys and values, the last rows of a convolution, the matrix of a
// recurrence.
type state interface {
	bytes() int64
	reset() // forgets all positions
}

// slot is the place of a mixer's states.
type slot struct {
	cache int  // index in Cache.states
	spare int  // index in Runner.spare, shared by mixers of one type
	kept  bool // later mixers read the state too, so that its place in Runner.spare is its own
	last  bool // no later mixer is stateful: all that follows is needed only for the rows whose logits are wanted
}

func (s *slot) place() *slot { return s }

// placeStates gives every stateful mixer its slot.
func (m *Model) placeStates() {
	for i := range m.layers {
		for j := range m.layers[i] {
			if x, ok := m.layers[i][j].mixer.(stateful); ok {
				m.stateful = append(m.stateful, x)
				at, kept := len(m.stateful)-1, x.place().kept
				kind := func(o stateful) bool { return o == x || !o.place().kept && reflect.TypeOf(o) == reflect.TypeOf(x) }
				*x.place() = slot{cache: at, spare: at, kept: kept}
				if !kept {
					x.place().spare = slices.IndexFunc(m.stateful, kind)
				}
			}
		}
	}
	if n := len(m.stateful); n > 0 {
		m.stateful[n-1].place().last = true
	}
}

// branches are those of all layers, and of what stands before and behind them.
func (m *Model) branches() iter.Seq[*branch] {
	return func(yield func(*branch) bool) {
		for _, l := range slices.Concat([]layer{m.opening}, m.layers, []layer{m.closing}) {
			for i := range l {
				if !yield(&l[i]) {
					return
				}
			}
		}
	}
}

// each calls f with all matrices of the branches.
func (m *Model) each(f func(*Linear)) {
	for b := range m.branches() {
		for _, w := range b.mixer.matrices() {
			if w.Rows > 0 {
				f(w)
			}
		}
	}
}

// residual is the output of a mixer before the branch's norm and scale. The next preparation adds it to the residual
// stream.
type residual struct {
	rows   []float32 // [n][width]; nil: nothing
	bias   []float32 // of each row; nil: none
	branch *branch
}

// layer runs a layer on the p.rows rows of buf.x.
func (p *pass) layer(l layer) {
	for i := range l {
		if p.rows == 0 {
			return
		}
		p.branch = &l[i]
		p.branch.mixer.mix(p)
		p.residual.branch = p.branch
	}
}

// input adds the residual of the previous branch to buf.x and returns the input of the current one, prepared for the
// matrices that multiply it.
func (p *pass) input(to ...*Linear) []float32 {
	switch before := p.residual; {
	case p.branch.parallel:
		p.addResidual()
		p.prepareRows(p.buf.norm, p.rows, to...)
	case p.branch.beside:
		p.residual = residual{}
		p.prepareNorm(p.branch.norm, to...)
		p.residual = before
		p.addResidual()
	default:
		p.prepareNorm(p.branch.norm, to...)
	}
	return p.buf.norm
}

// project sets the residual to W·in.
func (p *pass) project(in []float32, w *Linear) {
	p.residual = residual{rows: grow(&p.buf.branch, p.rows*w.Rows), bias: w.bias}
	b := p.branch
	plain := b.after.gain == nil && (b.scale == 0 || b.scale == 1) && w.scale == 0
	if plain && p.o.Sum != nil {
		p.o.Sum(w, p.buf.x, p.rows)
	}
	p.queue(in, p.rows, product{dst: p.residual.rows, w: w})
	p.multiplyAll(p.rows)
	if plain && p.o.Added != nil {
		p.o.Added(w, p.buf.x, p.residual.rows, p.rows)
	}
}

// narrow ends all rows but those whose logits are wanted, which it packs to the front: of the residual stream, of its
// norm, of what stands beside it, and of the mixer's own rows, which may be nil.
func (p *pass) narrow(own []float32, width int) {
	p.rows = 0
	for _, s := range p.spans {
		pack := func(rows []float32, width int) {
			if rows != nil {
				copy(rows[p.rows*width:], rows[(s.start+s.n-s.wanted)*width:(s.start+s.n)*width])
			}
		}
		pack(p.buf.x, p.m.Config.Width)
		pack(p.buf.norm, p.m.Config.Width)
		pack(p.residual.rows, p.m.Config.Width)
		pack(p.inputs.values, p.inputs.width)
		pack(p.streams.values, p.streams.width)
		pack(own, width)
		p.rows += s.wanted
	}
}

// table is rows of one width.
type table struct {
	values []float32 // [rows][width]; nil: none
	width  int
}

func (t table) row(i int) []float32 { return t.values[i*t.width:][:t.width] }
