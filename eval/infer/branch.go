package infer

import (
	"reflect"
	"slices"
)

// layer is a list of branches, which add to the residual stream one after the other.
type layer []branch

// branch is one part of a layer. With the residual stream x,
//
//	x += scale * after(mixer(norm(x)))
//
// Of parallel branches (attention and feed-forward layer in Cohere and StableLM) the first has the norm, and the others
// read its rows.
type branch struct {
	norm     norm
	parallel bool // reads the rows of the branch before it instead of a norm of its own
	mixer    mixer
	after    norm
	scale    float32 // 0: 1
}

// mixer is what a branch computes: attention, a feed-forward layer, a recurrence. It holds weights only. What it
// remembers of a sequence is a state (see stateful), its scratch memory lies in the pass.
type mixer interface {
	// matrices lists the weights. Those without rows are not there.
	matrices() []*Linear
	// mix computes the branch for the p.rows rows of p.input and leaves it in p.residual.
	mix(p *pass)
}

// stateful is a mixer that remembers earlier tokens.
type stateful interface {
	place() *slot
	// newState is an empty state with room for n positions, made of old when that is one of the mixer's kind.
	newState(old state, n int) state
	// stateBytes is what a token reads of its state behind so many others.
	stateBytes(past int) int64
}

// state is what a mixer remembers of one sequence: keys and values, or the last rows of a convolution, or the matrix of
// a recurrence.
type state interface {
	bytes() int64
	reset() // forgets all positions
}

// slot says where the states of a mixer are.
type slot struct {
	cache int  // the index in Cache.states
	spare int  // the index in Runner.spare, which mixers of one kind share
	last  bool // no mixer behind this one is stateful: the rest is needed only for the rows whose logits are wanted
}

func (s *slot) place() *slot { return s }

// placeStates gives every mixer that remembers its slot.
func (m *Model) placeStates() {
	for i := range m.layers {
		for j := range m.layers[i] {
			if x, ok := m.layers[i][j].mixer.(stateful); ok {
				m.stateful = append(m.stateful, x)
				kind := func(o stateful) bool { return reflect.TypeOf(o) == reflect.TypeOf(x) }
				*x.place() = slot{cache: len(m.stateful) - 1, spare: slices.IndexFunc(m.stateful, kind)}
			}
		}
	}
	if n := len(m.stateful); n > 0 {
		m.stateful[n-1].place().last = true
	}
}

// each calls f with all matrices of the layers.
func (m *Model) each(f func(*Linear)) {
	for _, l := range m.layers {
		for _, b := range l {
			for _, w := range b.mixer.matrices() {
				if w.Rows > 0 {
					f(w)
				}
			}
		}
	}
}

// residual is what a branch adds to the residual stream. The next preparation of rows does so.
type residual struct {
	rows   []float32 // [n][width]; nil: nothing
	bias   []float32 // is added to each row
	branch *branch   // has the norm and the scale of that
}

// layer runs a layer on the first p.rows rows of buf.x.
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

// input adds the residual of the branch before to buf.x and returns the rows of this one, prepared for the matrices
// that multiply them.
func (p *pass) input(to ...*Linear) []float32 {
	if p.branch.parallel {
		p.addResidual()
		p.prepareRows(p.buf.norm, p.rows, to...)
	} else {
		p.prepareNorm(p.branch.norm, to...)
	}
	return p.buf.norm
}

// project computes W·in for the rows under way: the mixer's residual.
func (p *pass) project(in []float32, w *Linear) {
	p.residual = residual{rows: grow(&p.buf.branch, p.rows*w.Rows), bias: w.bias}
	p.queue(in, p.rows, product{dst: p.residual.rows, w: w})
	p.multiplyAll(p.rows)
}

// narrow packs the rows whose logits are wanted to the front: in the residual stream, in its norm, and in rows of the
// mixer's own, which may be nil. The other rows end here.
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
		pack(own, width)
		p.rows += s.wanted
	}
}
