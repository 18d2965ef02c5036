package feedback

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
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

	Group, Last int    // tokens that go through a layer together, and those that do last; 0: all. See Room
	Scratch     string // path of a file for what lies between layers; "": in memory

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
	pass
	ctx     context.Context
	source  *checkpoint.Checkpoint
	pool    *infer.Pool
	moments moments
	width   int

	groups      []group
	tokens      int
	fit         int              // tokens to fit on, the first ones; the others are held back
	runners     [2]*infer.Runner // of the last group, and of the others
	shelf       *shelf
	streams     int // slabs of the streams
	shelved     int // with those that the full model left for the current layers
	embeddings  []embeddingChoice
	tiedAdded   []float32 // to the diagonal of the tied embedding's moments, by damping
	done, total int64     // matrices

	codes, outputs kernel.Columns // of the current rows, and of what their sum misses
	rows, words    []float32
}

// Run chooses the matrices of all artifacts, layer after layer. Each matrix has the inputs that the chosen matrices
// before it give, and aims at the outputs of the full model (GPTAQ, arXiv 2504.02692). The full model runs once for
// all artifacts.
func Run(ctx context.Context, pool *infer.Pool, source *checkpoint.Checkpoint, windows [][]int32, artifacts []Artifact,
	o Options) (err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	if len(windows) == 0 {
		return errors.New("feedback needs at least one window of text")
	}
	u := newRun(ctx, pool, source, o)
	seqs := u.hold(windows)
	u.groups = split(seqs, u.Group, cmp.Or(u.Last, u.tokens))
	if u.shelf, err = openShelf(o.Scratch); err != nil {
		return err
	}
	defer u.shelf.close()
	streams, err := u.open(artifacts, seqs)
	if err != nil {
		return err
	}
	if u.total == 0 {
		return nil // no type that is chosen
	}
	full := streams[0].model
	for from, to := range partsAlone(full) {
		for _, s := range streams {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := u.parts(s, from, to); err != nil {
				return err
			}
			if s.art != nil {
				release(s.art.Checkpoint, full.LayerOf(from), full.LayerOf(to))
			}
		}
		release(source, full.LayerOf(from), full.LayerOf(to))
	}
	if err := u.heads(streams); err != nil {
		return err
	}
	u.report(u.total - u.done) // experts that no token went to
	return nil
}

// release gives back the pages of layers [from, to), which are not read again.
func release(c *checkpoint.Checkpoint, from, to int) {
	for i := range c.Tensors {
		if layer := formats.LayerOf(c.Tensors[i].Name); layer >= from && layer < to {
			c.Tensors[i].Release(0, c.Tensors[i].Rows())
		}
	}
}

func newRun(ctx context.Context, pool *infer.Pool, source *checkpoint.Checkpoint, o Options) *run {
	o.Kernel = cmp.Or(o.Kernel, kernel.Best()).Fixed()
	return &run{Options: o, ctx: ctx, source: source, pool: pool, moments: moments{pool: pool, set: o.Kernel},
		width: source.Config.Width}
}
