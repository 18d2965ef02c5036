package machine

import (
	"context"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"
)

// EnergyUse is the energy of one domain over repeated work, in joules.
type EnergyUse struct {
	Joules float64 `json:"joules"` // mean of a repetition
	Net    float64 `json:"net"`    // the same less the idle power times the time
	SD     float64 `json:"sd"`     // of the repetitions' joules
	CV     float64 `json:"cv"`     // SD over mean
	N      int     `json:"n"`      // repetitions
}

// IdlePower is the power of the idle machine, in watts.
type IdlePower map[Domain]float64

// Idle measures the power for the given time, in which the caller should do nothing else.
func (m *Meter) Idle(ctx context.Context, d time.Duration) (IdlePower, error) {
	before, err := m.Read()
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d):
	}
	after, err := m.Read()
	if err != nil {
		return nil, err
	}
	watts := IdlePower{}
	for domain, j := range after.Joules {
		watts[domain] = (j - before.Joules[domain]) / after.Time.Sub(before.Time).Seconds()
	}
	return watts, nil
}

// Repeat runs work n times and measures the energy of each run. An error of work ends it.
func (m *Meter) Repeat(ctx context.Context, n int, idle IdlePower, work func() error) (map[Domain]EnergyUse, error) {
	gross, net := map[Domain][]float64{}, map[Domain][]float64{}
	for range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		before, err := m.Read()
		if err != nil {
			return nil, err
		}
		if err := work(); err != nil {
			return nil, err
		}
		after, err := m.Read()
		if err != nil {
			return nil, err
		}
		seconds := after.Time.Sub(before.Time).Seconds()
		for domain, j := range after.Joules {
			used := j - before.Joules[domain]
			gross[domain] = append(gross[domain], used)
			net[domain] = append(net[domain], used-idle[domain]*seconds)
		}
	}
	out := map[Domain]EnergyUse{}
	for domain, g := range gross {
		u := EnergyUse{Joules: stat.Mean(g, nil), Net: stat.Mean(net[domain], nil), N: len(g)}
		if len(g) > 1 {
			u.SD = stat.StdDev(g, nil)
		}
		if u.Joules > 0 && !math.IsNaN(u.SD) {
			u.CV = u.SD / u.Joules
		}
		out[domain] = u
	}
	return out, nil
}
