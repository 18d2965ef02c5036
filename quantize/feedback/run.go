package feedback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint"
)

// Artifact is a quantized model whose matrices are to be chosen again.
type Artifact struct {
	// Checkpoint is the artifact as the encoders made it: its types stay, and its scales are where the search begins.
	Checkpoint *checkpoint.Checkpoint
	// Have returns the data of a matrix that an earlier run has chosen; nil for none.
	Have func(name string, expert int) []byte
	// Store takes the new data of a matrix.
	Store func(Choice) error
}

// Choice is one matrix's new data. Before and After are the objective of the encoder's choice and of this one.
type Choice struct {
	Name          string
	Expert        int // number in a stack; 0 for other tensors
	Data          []byte
	Before, After float64
}

// Options of Run; the zero value is useful.
type Options struct {
	Kernel  *kernel.Set // nil: the best this machine has
	Damping float64     // of the moments, relative to their mean; 0: by the number of tokens (see damping)
	Sweeps  int         // of the descent; 0: 4
	Starts  int         // of the search, up to quantize.MostStarts, each as costly as the first; 0: 1
	Tokens  int         // to fit on, of the text, evenly spread; 0: tokensPerColumn

	Progress func(done, total int64) // matrices
}

// key names a matrix.
type key struct {
	name   string
	expert int
}

// run is the state of Run.
type run struct {
	Options
	source  *checkpoint.Checkpoint
	pool    *infer.Pool
	runner  *infer.Runner // of all models
	moments moments
	width   int
	fit     int // tokens to fit on, the first ones; the others are held back

	tiedAdded []float32 // to the diagonal of the tied embedding's moments, by damping

	sites   sites
	codes   kernel.Columns // of the inputs of the current site
	outputs kernel.Columns // what the current sum misses
	sum     []float32      // the residual stream in front of the current sum; nil for other products
	seen    *float32       // the rows of the current site

	active bool // layers run; else it is the embedding

	art   *Artifact // whose pass it is; nil: the full model's
	model *infer.Model
	solve solving
	err   error

	replaced    map[key][]byte            // of the current layers, with the data before
	pools       map[string]*expertMoments // of tensors with experts
	done, total int64                     // matrices
}

// Run chooses the matrices of all artifacts, layer after layer. Each matrix has the inputs that the chosen matrices
// before it give, and aims at the outputs of the full model (GPTAQ, arXiv 2504.02692). The full model runs once for
// all artifacts.
func Run(ctx context.Context, pool *infer.Pool, source *checkpoint.Checkpoint, windows [][]int32, artifacts []Artifact,
	o Options) error {
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	o.Kernel = cmp.Or(o.Kernel, kernel.Best()).Fixed()
	u := &run{Options: o, source: source, pool: pool, moments: moments{pool: pool, set: o.Kernel},
		width: source.Config.Width, pools: map[string]*expertMoments{}}
	if len(windows) == 0 {
		return errors.New("feedback needs at least one window of text")
	}
	seqs := u.hold(windows)
	streams, err := u.open(artifacts, seqs)
	if err != nil {
		return err
	}
	if u.total == 0 {
		return nil // no type that is chosen
	}
	for from, to := range layersAlone(streams[0].model) {
		for _, s := range streams {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := u.layers(s, seqs, from, to); err != nil {
				return err
			}
		}
	}
	if err := u.heads(streams); err != nil {
		return err
	}
	u.report(u.total - u.done) // experts that no token went to
	return nil
}

// front keeps the residual stream in front of a sum for the call of observe that follows.
func (u *run) front(_ *infer.Linear, stream []float32, _ int) { u.sum = stream }

// observe takes down the inputs of the full model, and chooses the matrices of an artifact before they are used.
func (u *run) observe(w *infer.Linear, x []float32, n int) {
	sum := u.sum
	u.sum = nil
	if !u.active || u.err != nil || len(x) == 0 || w.Routed && u.art == nil { // experts' tokens are others in an artifact
		return
	}
	same := u.seen == &x[0]
	u.seen = &x[0]
	if u.art == nil {
		if !same {
			u.err = u.note(x, n)
		}
		u.sites.of[key{w.Name, w.Expert}] = u.sites.last
		return
	}
	if !same {
		fit := u.fit
		if w.Routed { // those that are held back come last here as well
			fit = n - n/heldBack
		}
		u.solve.begin(x, min(n, fit))
	}
	if err := u.matrix(w, sum); err != nil {
		u.err = fmt.Errorf("tensor %s: %w", w.Name, err)
	}
}
