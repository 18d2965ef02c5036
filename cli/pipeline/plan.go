package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/formats/modelcard"
	"bitmill/quantize"
)

// Plan plans one artifact. With the zero target the format decides the types. With strict, warnings become errors.
func (s Session) Plan(ctx context.Context, c *checkpoint.Checkpoint, m *imatrix.Matrix, o quantize.Options,
	target quantize.Target, strict bool) (p *quantize.Plan, err error) {
	var step Step = Discard{}
	pass := func() checkpoint.Pass {
		if o.Unmeasured {
			return checkpoint.Pass{}
		}
		step = s.Events.Begin(measureTitle(cmp.Or(o.Name, o.Format, modelcard.FolderName(c.Path))), "matrices")
		return checkpoint.Pass{Threads: s.Threads, Progress: step.Set}
	}
	switch {
	case target != (quantize.Target{}):
		p, err = quantize.NewTargetPlan(ctx, c, m, o, target, pass())
	case o.Types == quantize.TypesChosen:
		p, err = quantize.NewChosenPlan(ctx, c, m, o, pass())
	default:
		p, err = quantize.NewPlan(c, m, o)
	}
	if err != nil {
		return nil, err
	}
	step.Done()
	if strict {
		return p, checkStrict(p, m)
	}
	return p, nil
}

// measureTitle is the name of the step that measures the errors of types.
func measureTitle(of string) string { return "measure types for " + of }

// checkStrict turns warnings into an error.
func checkStrict(p *quantize.Plan, m *imatrix.Matrix) error {
	var fell []string
	reason := ""
	for _, t := range p.Tensors {
		if t.Fallback {
			fell = append(fell, t.Name)
			reason = cmp.Or(reason, t.Reason)
		}
	}
	if fell != nil {
		return &quantize.BlockedError{Format: p.Format.Name, Tensors: fell,
			Why: fmt.Sprintf("do not fit the format (%s), which --strict forbids", reason)}
	}
	if w := append(ZeroColumns(m), p.Warnings...); len(w) > 0 {
		return fmt.Errorf("%s: %s, which --strict forbids", p.Format.Name, w[0])
	}
	return nil
}

// planned is a variant with its plan.
type planned struct {
	variant
	*quantize.Plan
}

// plans plans the variants. Those that cannot be made are left out with a warning if Options.All is set; otherwise they
// are an error.
func (j *job) plans(ctx context.Context, variants []variant, in inputs,
	o quantize.Options) (made []planned, err error) {
	var left []string
	var first error
	for _, v := range variants {
		p, err := j.planVariant(ctx, v, in, o)
		if err == nil {
			err = p.CheckEncoders()
		}
		var blocked *quantize.BlockedError
		switch {
		case err == nil:
			made = append(made, planned{v, p})
		case errors.As(err, &blocked):
			first = cmp.Or(first, err)
			left = append(left, v.name())
		case v.isMix():
			return nil, fmt.Errorf("%s: %s: %w", j.name, v.name(), err)
		default:
			return nil, fmt.Errorf("%s: %w", j.name, err)
		}
	}
	switch {
	case first == nil:
	case len(left) == 1 && !j.o.All:
		return nil, fmt.Errorf("%s: %w", j.name, first)
	case !j.o.All || len(made) == 0:
		return nil, fmt.Errorf("%s: %w; %s cannot be made either", j.name, first, strings.Join(left[1:], ", "))
	default:
		j.warn("%s: %d formats cannot be made and are left out: %s; bitmill plan says why of each", j.name, len(left),
			strings.Join(left, ", "))
	}
	return made, nil
}
