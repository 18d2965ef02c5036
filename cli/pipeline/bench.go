package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bitmill/eval/bench"
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
	"bitmill/eval/report"
)

// benchTarget is a file whose resources are measured.
type benchTarget struct {
	row       *report.Row
	model     *Model
	step, key string
}

// benchTests are what llama-bench runs unless told otherwise.
var benchTests = bench.Options{Tests: bench.Grid([]int{512}, []int{128}, []int{0}), Repetitions: 5}

// bench sets the speed, memory and energy of source and artifacts. Results of an earlier run with as many threads and
// the same kernels are kept; the remaining files take turns.
func (j *job) bench(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	list := []benchTarget{{row: &m.Source, model: j.source, step: "bench-source"}}
	for i, a := range artifacts {
		list = append(list, benchTarget{row: &m.Artifacts[i], model: a.model, step: "bench-" + a.word()})
	}
	var missing []benchTarget
	for _, b := range list {
		b.key = key("bench", in.provenance.Source, b.row.SHA256, j.Threads, kernel.Best().Name,
			benchTests.Tests[0].Tokens, benchTests.Tests[1].Tokens, benchTests.Repetitions)
		rec, ok := j.store.Done(b.step, b.key)
		var x report.Resources
		if ok && json.Unmarshal(rec.Data, &x) == nil {
			b.row.Resources = &x
		} else if b.model != nil && b.model.Engine != nil { // evaluating said why the engine cannot run the others
			missing = append(missing, b)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return j.measureResources(ctx, missing)
}

// measureResources measures the targets and leaves their weights in memory.
func (j *job) measureResources(ctx context.Context, targets []benchTarget) error {
	var subjects []bench.Subject
	pool := j.Pool()
	defer pool.Close()
	for _, b := range targets {
		if err := j.LoadWeights(ctx, b.model, pool, kernel.Best()); err != nil {
			return err
		}
		b.row.Resources = &report.Resources{Threads: j.Threads, Kernel: kernel.Best().Name,
			LoadSeconds: (b.model.opening + b.model.loading).Seconds()}
		subjects = append(subjects, b.model.BenchSubject())
	}
	m, err := OpenMeter(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	step := j.Events.Begin("bench "+j.name, "rounds")
	o := benchTests
	o.Progress = step.Set
	results, err := bench.Measure(ctx, pool, subjects, o)
	if err != nil {
		return err
	}
	step.Done()
	for i, b := range targets {
		x, got := b.row.Resources, results[i]
		x.Prompt, x.Generate = speed(o.Tests[0], got.Tests[0]), speed(o.Tests[1], got.Tests[1])
		x.WeightBytes, x.KVBytes, x.ScratchBytes = got.Tests[0].Work.WeightBytes, got.KVBytes, got.ScratchBytes
		weights := b.row.FileBytes // a mapping counts as a whole
		if n := subjects[i].Model.ResidentBytes(); n > 0 {
			weights = n
		}
		x.MemoryBytes = weights + x.KVBytes + x.ScratchBytes
		joules, err := m.Measure(ctx, pool, subjects[i], o)
		if err != nil {
			return err
		}
		if joules != nil {
			x.Energy = &report.Energy{IdleWatts: m.IdleWatts(), Prompt: joules[0], Generate: joules[1]}
		}
		x.EnergyNote = m.Note
		if err := j.store.Save(b.step, b.key, nil, x); err != nil {
			return err
		}
	}
	return nil
}

// BenchSubject returns the model in the form that package bench measures.
func (m *Model) BenchSubject() bench.Subject {
	bos := int32(-1)
	if t := m.Tokenizer; t != nil && t.AddBOS {
		bos = t.BOS
	}
	return bench.Subject{Model: m.Engine, BOS: bos}
}

func speed(t bench.Test, s bench.Speed) report.Speed {
	return report.Speed{Tokens: t.Tokens, PerSecond: s.Mean(), SD: s.SD(), N: len(s.Samples)}
}

// EnergyRepetitions is the fewest that a mean of energy is worth giving for.
const EnergyRepetitions = 10

// Powercap is the folder of the energy counters ("": Linux's own); IdleTime is how long the idle power is measured.
// Tests change them.
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

// OpenMeter finds the counters and measures the idle power. A machine without counters is not an error.
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

// IdleWatts is the idle power by counter; nil without counters.
func (m *Meter) IdleWatts() map[string]float64 {
	if m.Meter == nil {
		return nil
	}
	watts := map[string]float64{}
	for kind, w := range m.idle {
		watts[string(kind)] = w
	}
	return watts
}

// Measure runs the model's tests again for their energy by counter, each n times and at least EnergyRepetitions; nil
// without counters.
func (m *Meter) Measure(ctx context.Context, pool *infer.Pool, s bench.Subject,
	o bench.Options) ([]map[string]report.Joules, error) {
	if m.Meter == nil {
		return nil, nil
	}
	runs, err := bench.Runs(ctx, pool, s, o)
	if err != nil {
		return nil, err
	}
	var all []map[string]report.Joules
	for i, run := range runs {
		use, err := m.Repeat(ctx, max(o.Repetitions, EnergyRepetitions), m.idle, run)
		if err != nil {
			return nil, fmt.Errorf("energy: %w", err)
		}
		joules := map[string]report.Joules{}
		for kind, u := range use {
			joules[string(kind)] = report.Joules{PerToken: u.Net / float64(o.Tests[i].Tokens), CV: u.CV, N: u.N}
		}
		all = append(all, joules)
	}
	return all, nil
}
