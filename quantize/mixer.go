package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// Mixer plans artifacts for sizes, as NewTargetPlan does. It measures the errors of types once, when the first plan
// needs them.
type Mixer struct {
	c       *checkpoint.Checkpoint
	imatrix *imatrix.Matrix
	o       Options
	how     checkpoint.Pass

	known    TypeErrors
	measured map[string][]option // by tensor
}

// NewMixer returns a Mixer; how is for the pass that measures.
func NewMixer(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options, how checkpoint.Pass) *Mixer {
	return &Mixer{c: c, imatrix: imatrix, o: o, how: how, measured: map[string][]option{}}
}

// Plan plans an artifact of a size.
func (m *Mixer) Plan(ctx context.Context, target Target) (*Plan, error) {
	if !(target.BPW > 0) && target.Bytes <= 0 || math.IsInf(target.BPW, 0) {
		return nil, fmt.Errorf("a target of %v is not a size", target)
	}
	list, planned, err := m.choices(target)
	if err != nil {
		return nil, err
	}
	if err := reachable(list, planned, target); err != nil {
		return nil, err
	}
	if err := m.measure(ctx, list); err != nil {
		return nil, err
	}
	// Only a whole plan tells the size of a file, with headers, padding and maybe shards. When it turns out too large,
	// the tensors get less room.
	least, err := planned()
	if err != nil {
		return nil, err
	}
	for room := -target.excess(least); ; {
		restart(list)
		fill(list, room)
		p, err := planned()
		if err != nil || target.excess(p) <= 0 {
			return p, err
		}
		room -= target.excess(p)
	}
}

// Bounds returns the smallest and the largest plan.
func (m *Mixer) Bounds() (least, most *Plan, err error) {
	list, planned, err := m.choices(Target{BPW: 1})
	if err != nil {
		return nil, nil, err
	}
	return ends(list, planned)
}

// Error is the error that a plan's types make together, as the choice of types counts it; false when a type has none
// that was measured. Divergences are nearly proportional to it: over the formats and mixes of demo-l from 1.9 to 6.6
// bits per weight their ratio lies between 0.08 and 0.11, of demo-s from 2.9 on between 0.14 and 0.19.
func (m *Mixer) Error(ctx context.Context, p *Plan) (total float64, ok bool, err error) {
	if len(m.measured) == 0 {
		list, _, err := m.choices(Target{BPW: 1})
		if err == nil {
			err = m.measure(ctx, list)
		}
		if err != nil {
			return 0, false, err
		}
	}
	for i := range p.Tensors {
		t := &p.Tensors[i]
		options, free := m.measured[t.Name]
		if !free {
			continue
		}
		k := slices.IndexFunc(options, func(o option) bool { return o.typ == t.Type })
		if k < 0 {
			return 0, false, nil
		}
		total += options[k].err
	}
	return total, true, nil
}

// TypeErrors are the errors of types in tensors, by the names of both. A type that cannot hold a tensor is missing.
type TypeErrors map[string]map[string]float64

// Measured are the errors that were measured so far.
func (m *Mixer) Measured() TypeErrors {
	all := TypeErrors{}
	for name, options := range m.measured {
		all[name] = map[string]float64{}
		for _, o := range options {
			if !math.IsInf(o.err, 0) {
				all[name][o.typ.String()] = o.err
			}
		}
	}
	return all
}

// Use takes errors that another Mixer measured with the same checkpoint, matrix and options.
func (m *Mixer) Use(errors TypeErrors) { m.known = errors }

// choices lists the tensors whose type is free. planned is the plan with the types that are chosen at its call.
func (m *Mixer) choices(target Target) (list []choice, planned func() (*Plan, error), err error) {
	switch {
	case m.c.Planned:
		err = errors.New("a target needs weights to measure the errors of types: a bare config.json has none")
	case m.imatrix == nil && m.o.AssumeImatrix && !m.o.Unmeasured:
		err = errors.New("a target needs the importance matrix itself: calibrate first")
	}
	if err != nil {
		return nil, nil, err
	}
	o := m.o
	base, err := nearest(m.c, m.imatrix, o, target)
	if err != nil {
		return nil, nil, err
	}
	if base.Format == &asIs || base.Options.Pure {
		return nil, nil, errors.New("a target chooses types: it cannot be combined with COPY or --pure")
	}
	o.Format = base.Format.Name
	if list = choices(m.c, base, m.imatrix); len(list) == 0 {
		return nil, nil, fmt.Errorf("%s has no matrix whose type is free to choose", m.c.Path)
	}
	return list, func() (*Plan, error) {
		o.chosen = map[string]formats.Type{}
		for i := range list {
			o.chosen[list[i].name] = list[i].options[list[i].at].typ
		}
		return NewPlan(m.c, m.imatrix, o)
	}, nil
}

// measure sets the errors of the options, from earlier plans where they are known.
func (m *Mixer) measure(ctx context.Context, list []choice) error {
	var missing []choice
	for _, ch := range list {
		types, known := m.known[ch.name]
		switch {
		case m.measured[ch.name] != nil:
		case known:
			for k := range ch.options {
				o := &ch.options[k]
				if o.err, known = types[o.typ.String()]; !known {
					o.err = math.Inf(1)
				}
			}
			m.measured[ch.name] = ch.options
		default:
			missing = append(missing, ch)
		}
	}
	if m.o.Unmeasured {
		assumeErrors(missing)
	} else if missing != nil {
		if err := measureChoices(ctx, m.c, m.imatrix, missing, m.how); err != nil {
			return err
		}
	}
	for _, ch := range missing {
		m.measured[ch.name] = ch.options
	}
	for i := range list {
		list[i].options = m.measured[list[i].name]
	}
	return nil
}
