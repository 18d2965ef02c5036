package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"bitmill/eval/bench"
	"bitmill/eval/energy"
	"bitmill/eval/infer"
	"bitmill/eval/report"
)

// energyRepetitions is the fewest that a mean of energy is worth giving for.
const energyRepetitions = 10

var (
	powercap = ""              // where the counters of energy are; "" is where Linux has them
	idleTime = 5 * time.Second // over which the idle power is measured
)

// meter reads the counters of energy, or says why it cannot.
type meter struct {
	*energy.Meter
	idle energy.Idle
	note string // why there are no counters
}

// openMeter finds the counters and measures the idle power. A machine without counters is no error.
func openMeter(ctx context.Context) (*meter, error) {
	m, err := energy.Open(powercap)
	if errors.Is(err, energy.ErrUnmeasured) {
		return &meter{note: err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	idle, err := m.Idle(ctx, idleTime)
	if err != nil {
		m.Close()
		return nil, err
	}
	return &meter{Meter: m, idle: idle}, nil
}

func (m *meter) close() {
	if m.Meter != nil {
		m.Close()
	}
}

// measure runs the model's tests again for their energy, each n times and at least energyRepetitions; nil without
// counters.
func (m *meter) measure(ctx context.Context, pool *infer.Pool, s bench.Subject, o bench.Options) (*report.Energy, error) {
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
		use, err := m.Repeat(ctx, max(o.Repetitions, energyRepetitions), m.idle, test.run)
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

// benchEnergy measures the models one after the other.
func benchEnergy(ctx context.Context, pool *infer.Pool, list []bench.Subject, o bench.Options, r *benchReport) error {
	m, err := openMeter(ctx)
	if err != nil {
		return err
	}
	defer m.close()
	r.EnergyNote = m.note
	for i, s := range list {
		if r.Models[i].Energy, err = m.measure(ctx, pool, s, o); err != nil {
			return err
		}
	}
	return nil
}

// printEnergy writes a line per model, or why there is none.
func printEnergy(e env, r benchReport) error {
	if r.EnergyNote != "" {
		_, err := fmt.Fprintf(e.stdout, "%s\n", printable(r.EnergyNote))
		return err
	}
	for _, m := range r.Models {
		if m.Energy == nil {
			continue
		}
		fmt.Fprintf(e.stdout, "%s energy:", modelName(m.Path))
		for _, test := range []struct {
			name  string
			kinds map[string]report.Joules
		}{{testName("pp", m.Prompt), m.Energy.Prompt}, {testName("tg", m.Gen), m.Energy.Generate}} {
			for _, kind := range slices.Sorted(maps.Keys(test.kinds)) {
				j := test.kinds[kind]
				fmt.Fprintf(e.stdout, " %s %s %.4g J/token (CV %.1f %%, n %d)", test.name, kind, j.PerToken, 100*j.CV, j.N)
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(m.Energy.IdleWatts)) {
			fmt.Fprintf(e.stdout, "; idle %s %.1f W, subtracted", kind, m.Energy.IdleWatts[kind])
		}
		fmt.Fprintln(e.stdout)
	}
	return nil
}
