package energy

import (
	"context"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Use is the energy of one kind of zone over repeated work.
type Use struct {
	Joules float64 `json:"joules"` // mean of a repetition
	Net    float64 `json:"net"`    // the same less the idle power over its time
	SD     float64 `json:"sd"`     // of the repetitions' joules
	CV     float64 `json:"cv"`     // SD over mean
	N      int     `json:"n"`      // repetitions
}

// Idle is the power of a machine that does nothing, in watts.
type Idle map[Kind]float64

// Idle measures for the given time.
func (m *Meter) Idle(ctx context.Context, d time.Duration) (Idle, error) {
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
	watts := Idle{}
	for kind, j := range after.Joules {
		watts[kind] = (j - before.Joules[kind]) / after.Time.Sub(before.Time).Seconds()
	}
	return watts, nil
}

// Repeat runs work n times and measures each.
func (m *Meter) Repeat(ctx context.Context, n int, idle Idle, work func() error) (map[Kind]Use, error) {
	gross, net := map[Kind][]float64{}, map[Kind][]float64{}
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
		for kind, j := range after.Joules {
			used := j - before.Joules[kind]
			gross[kind] = append(gross[kind], used)
			net[kind] = append(net[kind], used-idle[kind]*seconds)
		}
	}
	out := map[Kind]Use{}
	for kind, g := range gross {
		u := Use{Joules: stat.Mean(g, nil), Net: stat.Mean(net[kind], nil), N: len(g)}
		if len(g) > 1 {
			u.SD = stat.StdDev(g, nil)
		}
		if u.Joules > 0 && !math.IsNaN(u.SD) {
			u.CV = u.SD / u.Joules
		}
		out[kind] = u
	}
	return out, nil
}
