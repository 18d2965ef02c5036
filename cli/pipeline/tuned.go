package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
	"bitmill/quantize/tune"
)

// Tuner computes the gradients of method tuned.
type Tuner struct {
	Open   func(c *checkpoint.Checkpoint, o GradientOptions) (tune.Gradients, error)
	Memory func(c *checkpoint.Checkpoint, tokens, windows int) (bytes int64, err error) // that Open and Add take
	Rate   func(threads int) (seconds float64, err error)                               // of a product of two numbers
}

// GradientOptions are what gradients are wanted of: windows of so many tokens, the predictions from position First on,
// the tensors that Vary names.
type GradientOptions struct {
	Tokens, First, Threads int
	Vary                   func(name string) bool
}

// TunedCost is what method tuned takes for each artifact, beside method feedback.
type TunedCost struct {
	Passes, Windows int // over so many windows
	Held            int // that judge after every pass
	Memory          int64
	Shared, Each    float64 // seconds: once for all artifacts, and for each one
	model           string
}

// String is the cost in a sentence.
func (t *TunedCost) String() string {
	return fmt.Sprintf("method tuned goes %s over %s of %s for every format, which takes about %s on this machine, and "+
		"%s of memory", formats.Several(t.Passes, "time"), formats.Several(t.Windows, "window"), t.model,
		About(seconds(t.Each)), formats.Size(t.Memory))
}

// Warning says that levels will hardly change, and what to do; "" where they can.
func (t *TunedCost) Warning() string {
	if t.Passes*t.Windows >= tune.LeastSteps {
		return ""
	}
	return fmt.Sprintf("method tuned makes a step for every window and pass, here %d, and with fewer than %d hardly a level "+
		"changes: give --passes %d, a longer --calibration or more --fit-tokens", t.Passes*t.Windows, tune.LeastSteps,
		(tune.LeastSteps+t.Windows-1)/t.Windows)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// mostTuning is the longest time that method tuned begins, for one artifact.
const mostTuning = 24 * time.Hour

// CheckTuned fails where method tuned cannot be used on a model, and says what it will cost: the binary must have
// gradients, the architecture be one that they are known for, windows be left to judge by, memory and a day suffice.
// limit is the memory that it may take; 0: what is free.
func (s Session) CheckTuned(c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit, limit int64) (*TunedCost, error) {
	if s.Tuner == nil {
		return nil, UsageError{errors.New("method tuned: this binary was built without gradients (tag slim); give " +
			"--method feedback")}
	}
	name := ModelName(c.Path)
	refuse := func(err error) error { return fmt.Errorf("%s: method tuned: %w; give --method feedback", name, err) }
	fitted, held := tunedWindows(c, windows, fit)
	if len(held) == 0 {
		return nil, UsageError{fmt.Errorf("%s: method tuned needs at least %d windows of text, to hold some back and judge by "+
			"them; there are %d: give a longer --calibration, or --method feedback", name, feedback.HeldBack, len(windows))}
	}
	t := &TunedCost{Passes: cmp.Or(fit.Passes, tune.Passes), Windows: len(fitted), Held: len(held), model: name}
	var err error
	if t.Memory, err = s.Tuner.Memory(c, len(windows[0]), len(fitted)+len(held)); err != nil {
		return nil, refuse(err)
	}
	values, products := tunedProducts(c, len(windows[0]))
	t.Memory += tune.Memory(values)
	switch free, ok := availableMemory(); {
	case limit > 0 && limit < t.Memory:
		return nil, refuse(fmt.Errorf("%w: it takes %d MiB, %d MiB are what --max-memory allows", infer.ErrMemory, t.Memory>>20,
			limit>>20))
	case ok && free < t.Memory:
		return nil, refuse(fmt.Errorf("%w: it takes %d MiB, %d MiB are free", infer.ErrMemory, t.Memory>>20, free>>20))
	}
	rate, err := s.Tuner.Rate(checkpoint.Workers(s.Threads))
	if err != nil {
		return nil, refuse(err)
	}
	one := products * rate
	t.Shared = float64(len(fitted)+len(held)) * one
	t.Each = float64(t.Passes*len(fitted))*one*backAndForth + float64((t.Passes+1)*len(held))*one
	if seconds(t.Each) > mostTuning {
		return nil, refuse(fmt.Errorf("to go %s over %s would take about %s for each format on this machine, and %s is the most "+
			"that is begun; --passes and --fit-tokens make it less", formats.Several(t.Passes, "time"),
			formats.Several(t.Windows, "window"), About(seconds(t.Each)), About(mostTuning)))
	}
	return t, nil
}

// mostTuned is how many tokens tuning fits on, unless Fit.Tokens says.
const mostTuned = 1 << 16

// tunedWindows are the windows to fit on, and those to judge by: the ones that method feedback holds back. Gradients need
// more text than moments, so that all others are fitted on, or as many as mostTuned allows, evenly spread.
func tunedWindows(c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit) (fitted, held [][]int32) {
	fitted, held = feedback.Split(c, windows, fit.Tokens)
	if fit.Tokens > 0 || len(held) == 0 {
		return fitted, held
	}
	others := slices.DeleteFunc(slices.Clone(windows), func(w []int32) bool {
		return slices.ContainsFunc(held, func(h []int32) bool { return &h[0] == &w[0] })
	})
	fitted = nil
	n := min(len(others), max(1, mostTuned/len(windows[0])))
	for i := range n {
		fitted = append(fitted, others[i*len(others)/n])
	}
	return fitted, held
}

// backAndForth is what a gradient takes in times of a pass forward: every product has two on the way back.
const backAndForth = 3

// tunedProducts counts the values of all tensors, and the products of a pass of one window: those of the matrices, and of
// attention, which gradients do not cut at the diagonal.
func tunedProducts(c *checkpoint.Checkpoint, tokens int) (values int64, products float64) {
	k := c.Config
	for i := range c.Tensors {
		t := &c.Tensors[i]
		values += t.Elements()
		if len(t.Shape) > 1 && (formats.LayerOf(t.Name) >= 0 || k.Tied || t.Name == "output.weight") {
			products += float64(t.Elements()) * float64(tokens)
		}
	}
	attention := 2 * float64(k.Layers*k.Heads*k.HeadDim) * float64(tokens) * float64(tokens)
	return values, products + attention
}

// tune moves the levels of artifacts that method feedback has chosen. The full model runs once for all.
func (s Session) tune(ctx context.Context, c *checkpoint.Checkpoint, windows [][]int32, fit quantize.Fit,
	list []*feedbackStart) error {
	size := len(windows[0])
	g, err := s.Tuner.Open(c, GradientOptions{Tokens: size, First: size / 16, Threads: s.Threads,
		Vary: func(name string) bool { return tunes(list, name) }})
	if err != nil {
		return fmt.Errorf("%s: method tuned: %w", ModelName(c.Path), err)
	}
	defer g.Close()
	fitted, held := tunedWindows(c, windows, fit)
	step := s.Events.Begin(fullTitle(c), "windows")
	for i, w := range append(fitted[:len(fitted):len(fitted)], held...) {
		if err := g.Add(ctx, w); err != nil {
			return err
		}
		step.Set(int64(i+1), int64(len(fitted)+len(held)))
	}
	step.Done()
	for _, a := range list {
		o := tune.Options{Passes: cmp.Or(fit.Passes, tune.Passes), Threads: s.Threads, State: a.state}
		if err := s.tuneOne(ctx, g, a, len(fitted), len(held), o); err != nil {
			return fmt.Errorf("%s: method tuned: %w", a.Path, err)
		}
	}
	return nil
}

func fullTitle(c *checkpoint.Checkpoint) string { return "full model of " + ModelName(c.Path) }
func tuneTitle(path string) string              { return "tune " + filepath.Base(path) }

// tunes reports whether a tensor's levels can be moved in one of the artifacts.
func tunes(list []*feedbackStart, name string) bool {
	for _, a := range list {
		if t, ok := a.encoded.Tensor(name); ok && len(t.Shape) > 1 && tune.Tunable(t.Type) {
			return true
		}
	}
	return false
}

// tuneOne tunes an artifact. Its state lies beside it after every pass.
func (s Session) tuneOne(ctx context.Context, g tune.Gradients, a *feedbackStart, fitted, held int,
	o tune.Options) (err error) {
	var tensors []tune.Tensor
	for i := range a.encoded.Tensors {
		if t := &a.encoded.Tensors[i]; g.Weights(t.Name) != nil {
			tensors = append(tensors, tune.Tensor{Name: t.Name, Type: t.Type, Cols: int(t.Cols()), Data: a.data(t.Name)})
		}
	}
	if o.Key, err = a.key("tuned", o.Passes); err != nil {
		return err
	}
	step := s.Events.Begin(tuneTitle(a.Path), "windows")
	o.Progress = step.Set
	o.Passed = func(pass int, nats, before float64) {
		s.Events.Note(fmt.Sprintf("%s: after pass %d of %d, KLD %.6f on text held back (method feedback: %.6f)",
			filepath.Base(a.Path), pass, o.Passes, nats, before))
	}
	r, err := tune.Run(ctx, g, tensors, numbers(0, fitted), numbers(fitted, held), o)
	if err != nil {
		return err
	}
	step.Done()
	a.tuned, a.tuning = r.Data, &quantize.Tuning{Passes: r.Passes, Pass: r.Pass, Before: r.Before, After: r.After}
	note := fmt.Sprintf("the levels after pass %d of %d are kept: KLD %.6f on text held back, %.6f by method feedback",
		r.Pass, r.Passes, r.After, r.Before)
	switch {
	case r.Passes == 0:
		note = "no type in it has levels that gradients can move: it is as by method feedback"
	case r.Pass == 0:
		note = fmt.Sprintf("no pass was better on text held back than method feedback, whose levels are kept (KLD %.6f)",
			r.Before)
	}
	s.Events.Note(filepath.Base(a.Path) + ": " + note)
	return nil
}

// numbers lists n numbers from first on.
func numbers(first, n int) (list []int) {
	for i := range n {
		list = append(list, first+i)
	}
	return list
}

// forecastTuned adds the steps of method tuned.
func (j *job) forecastTuned(f *Forecast) {
	t := j.tuning
	f.Memory = max(f.Memory, t.Memory)
	f.add(fullTitle(j.source.Checkpoint), "windows", int64(t.Windows+t.Held), t.Shared)
	for _, a := range j.planned {
		f.add(tuneTitle(j.artifactName(a.variant)), "windows", int64(t.Passes*t.Windows), t.Each)
	}
}
