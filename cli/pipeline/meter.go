package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/machine"
	"bitmill/eval/report"
)

// EnergyRepetitions is the fewest that a mean of energy is worth giving for.
const EnergyRepetitions = 10

// Powercap is the folder of the counters of energy, "" where Linux has them; IdleTime is how long the idle power is
// measured. Tests change them.
var (
	Powercap = ""
	IdleTime = 5 * time.Second
)

// Meter reads the counters of energy, or says why it cannot.
type Meter struct {
	*machine.Meter
	idle machine.IdlePower
	Note string // why there are no counters
}

// OpenMeter finds the counters and measures the idle power. A machine without counters is no error.
func OpenMeter(ctx context.Context) (*Meter, error) {
	m, err := machine.OpenMeter(Powercap)
	if errors.Is(err, machine.ErrUnmeasured) {
		return &Meter{Note: err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	idle, err := m.Idle(ctx, IdleTime)
	if err != nil {
		m.Close()
		return nil, err
	}
	return &Meter{Meter: m, idle: idle}, nil
}

// Close closes the counters.
func (m *Meter) Close() {
	if m.Meter != nil {
		m.Meter.Close()
	}
}

// Measure runs the model's tests again for their energy, each n times and at least EnergyRepetitions; nil without
// counters.
func (m *Meter) Measure(ctx context.Context, pool *infer.Pool, s bench.Subject,
	o bench.Options) (*report.Energy, error) {
	if m.Meter == nil {
		return nil, nil
	}
	prompt, generate, err := bench.Tests(ctx, pool, s, o)
	if err != nil {
		return nil, err
	}
	e := &report.Energy{IdleWatts: map[string]float64{}}
	for kind, w := range m.idle {
		e.IdleWatts[string(kind)] = w
	}
	for _, test := range []struct {
		tokens int
		run    func() error
		to     *map[string]report.Joules
	}{{o.Prompt, prompt, &e.Prompt}, {o.Generate, generate, &e.Generate}} {
		if test.run == nil {
			continue
		}
		use, err := m.Repeat(ctx, max(o.Repetitions, EnergyRepetitions), m.idle, test.run)
		if err != nil {
			return nil, fmt.Errorf("energy: %w", err)
		}
		*test.to = map[string]report.Joules{}
		for kind, u := range use {
			(*test.to)[string(kind)] = report.Joules{PerToken: u.Net / float64(test.tokens), CV: u.CV, N: u.N}
		}
	}
	return e, nil
}
