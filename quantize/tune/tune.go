// Package tune moves the levels of a quantized model down the gradient of its divergence from the full one. Scales,
// types and bytes stay. Somebody else computes gradients, see Gradients.
//
// Every value of a matrix has a latent one, which starts as it. The model has the level nearest to the latent value,
// the gradient of the level moves the latent value (the straight-through estimator, arXiv 1308.3432), and Adam (arXiv
// 1412.6980) measures the steps, in shares of the distance of two levels, which fall to zero with the cosine of the
// way. After every pass over the text, windows that nothing is fitted on judge the levels, and the best are kept: those
// at the start, unless others are better.
package tune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"bitmill/formats"
)

// Gradients are the full model and one of the same shape, with other weights.
type Gradients interface {
	// Add takes the next window of text; they have numbers from 0.
	Add(ctx context.Context, tokens []int32) error
	// Weights are a tensor's in the other model. Changes count from the next call on.
	Weights(name string) []float32
	// Divergence is that of the other model from the full one, in nats per token of a window.
	Divergence(ctx context.Context, window int) (nats float64, err error)
	// Gradient is Divergence that visits its derivatives by the weights too, one tensor after another.
	Gradient(ctx context.Context, window int, visit func(name string, derivatives []float32)) (nats float64, err error)
	Close()
}

// Tensor is a quantized tensor.
type Tensor struct {
	Name string
	Type formats.Type
	Cols int
	Data []byte
}

// Options of Run; the zero value is useful.
type Options struct {
	Passes  int    // over the windows to fit on; 0: Passes
	Threads int    // for the steps; 0: one
	State   string // file that keeps the state after every pass; "": none
	Key     string // of all that the result depends on: a state of another key is not used

	Progress func(done, total int64)              // windows
	Passed   func(pass int, nats, before float64) // after a pass: the divergence on the windows held back
}

// Passes is the default of Options.Passes.
const Passes = 2

// LeastSteps, windows times passes, are about as many as it takes until levels change: a latent value has half the way to
// the next level to go, in steps of at most a fiftieth of it that fall to zero.
const LeastSteps = 100

// Memory is about what Run takes for so many values, in bytes.
func Memory(values int64) int64 { return 4 * 4 * values }

// Result is the best that Run found.
type Result struct {
	Data          map[string][]byte // of the tensors that it changed; nil when the start is the best
	Pass          int               // after which it was; 0: the start
	Passes        int               // that were made
	Before, After float64           // nats on the windows held back, at the start and of the result
}

// Tunable reports whether Run can change tensors of a type: those with levels that are chosen one by one.
func Tunable(t formats.Type) bool { return gridOf(t) != nil }

// ErrNoWindow means that there is nothing to fit on, or nothing to judge by.
var ErrNoWindow = errors.New("tuning needs windows to fit on and windows to judge by")

// tuning is the state of Run. What state.go writes is all that passes change.
type tuning struct {
	Options
	g         Gradients
	matrices  []*matrix
	fit, held []int
	step      int // number of steps taken
	result    Result
}

// Run tunes the tensors on the windows fit, and judges on the windows held. The model of g gets the tensors' values first.
func Run(ctx context.Context, g Gradients, tensors []Tensor, fit, held []int, o Options) (*Result, error) {
	if len(fit) == 0 || len(held) == 0 {
		return nil, ErrNoWindow
	}
	if o.Passes == 0 {
		o.Passes = Passes
	}
	u := &tuning{Options: o, g: g, fit: fit, held: held}
	for _, t := range tensors {
		m, err := newMatrix(t, g.Weights(t.Name))
		if err != nil {
			return nil, err
		}
		if m != nil {
			u.matrices = append(u.matrices, m)
		}
	}
	if len(u.matrices) == 0 {
		return &Result{}, nil
	}
	if !u.load() {
		nats, err := u.judge(ctx)
		if err != nil {
			return nil, err
		}
		u.result = Result{Before: nats, After: nats}
	}
	for u.result.Passes < o.Passes {
		if err := u.pass(ctx); err != nil {
			return nil, err
		}
	}
	return &u.result, nil
}

// pass makes a step for every window, in an order of its own.
func (u *tuning) pass(ctx context.Context) error {
	pass := u.result.Passes
	rng := rand.New(rand.NewPCG(1, uint64(pass)))
	for i, at := range rng.Perm(len(u.fit)) {
		if u.Progress != nil {
			u.Progress(int64(pass*len(u.fit)+i), int64(u.Passes*len(u.fit)))
		}
		u.step++
		s := stepAt(u.step, u.Passes*len(u.fit))
		_, err := u.g.Gradient(ctx, u.fit[at], func(name string, d []float32) {
			for _, m := range u.matrices {
				if m.Name == name {
					m.move(d, s, u.Threads)
				}
			}
		})
		if err != nil {
			return err
		}
	}
	nats, err := u.judge(ctx)
	if err != nil {
		return err
	}
	r := &u.result
	r.Passes++
	if nats < r.After {
		r.After, r.Pass, r.Data = nats, r.Passes, map[string][]byte{}
		for _, m := range u.matrices {
			r.Data[m.Name] = m.encode()
		}
	}
	if u.Passed != nil {
		u.Passed(r.Passes, nats, r.Before)
	}
	return u.save()
}

// judge is the mean divergence on the windows held back.
func (u *tuning) judge(ctx context.Context) (nats float64, err error) {
	for _, w := range u.held {
		v, err := u.g.Divergence(ctx, w)
		if err != nil {
			return 0, err
		}
		nats += v
	}
	return nats / float64(len(u.held)), nil
}

// Adam's shares of the old means, and the first steps, which are shorter: the means know few gradients then.
const (
	keepMean   = 0.9
	keepSquare = 0.98
	warmUp     = 10
)

// rate is the longest step, in distances of two levels.
const rate = 0.02

// stepOf is one of Adam's: the step for a mean gradient as large as the root of the mean square, and what corrects that
// both means start at zero.
type stepOf struct{ rate, mean, square float32 }

// stepAt is the step of number i, from 1, of so many.
func stepAt(i, steps int) stepOf {
	share := min(1, float64(i)/warmUp) * 0.5 * (1 + math.Cos(math.Pi*float64(i)/float64(steps)))
	return stepOf{float32(rate * share), float32(1 / (1 - math.Pow(keepMean, float64(i)))),
		float32(1 / (1 - math.Pow(keepSquare, float64(i))))}
}
