package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"bitmill/cli/steps"
	"bitmill/eval/bench"
	"bitmill/eval/kernel"
	"bitmill/eval/report"
	"bitmill/formats"
	"bitmill/quantize"
)

// benchTarget is a file whose resources are to be known.
type benchTarget struct {
	row             *report.Row
	path, step, key string
}

// benchTests are what llama-bench runs unless told otherwise.
var benchTests = bench.Options{Prompt: 512, Generate: 128, Repetitions: 5}

// bench fills in the speed, memory and energy of source and artifacts. What an earlier run measured on as many threads
// with the same kernels is kept; the files that are missing take turns.
func (r *modelRun) bench(ctx context.Context, m *report.Model) error {
	list := []benchTarget{{row: &m.Source, path: r.source.Path, step: "bench-source"}}
	for i, a := range r.artifacts {
		list = append(list, benchTarget{row: &m.Artifacts[i], path: filepath.Join(r.store.Dir, a.path), step: "bench-" + a.plan.Format.Name})
	}
	var missing []benchTarget
	for _, b := range list {
		var err error
		if b.key, err = steps.Key(quantize.FormatVersion, "bench", r.hash, b.row.SHA256, r.Threads, kernel.Best().Name, benchTests.Prompt, benchTests.Generate, benchTests.Repetitions); err != nil {
			return err
		}
		rec, ok := r.store.Done(b.step, b.key)
		var x report.Resources
		if ok && json.Unmarshal(rec.Data, &x) == nil {
			b.row.Resources = &x
			continue
		}
		missing = append(missing, b)
	}
	if len(missing) == 0 {
		return nil
	}
	return r.measureResources(ctx, missing)
}

func (r *modelRun) measureResources(ctx context.Context, missing []benchTarget) error {
	var subjects []bench.Subject
	var found []benchTarget
	pool := r.Pool()
	defer pool.Close()
	for _, b := range missing {
		start := time.Now()
		s, err := Session{Events: r.Events}.Load(b.path)
		if errors.Is(err, formats.ErrUnsupported) {
			continue // evaluating said so
		}
		if err != nil {
			return err
		}
		defer s.Close()
		if err := r.LoadWeights(ctx, s, pool, kernel.Best()); err != nil {
			return err
		}
		b.row.Resources = &report.Resources{Threads: r.Threads, Kernel: kernel.Best().Name, LoadSeconds: time.Since(start).Seconds()}
		found = append(found, b)
		subjects = append(subjects, s.BenchSubject())
	}
	m, err := OpenMeter(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	p := r.Events.Begin("bench "+r.name, "rounds")
	o := benchTests
	o.Progress = p.Set
	results, err := bench.Measure(ctx, pool, subjects, o)
	if err != nil {
		return err
	}
	p.Done()
	for i, b := range found {
		x, got := b.row.Resources, results[i]
		x.Prompt = report.Speed{Tokens: o.Prompt, PerSecond: got.Prompt.Mean(), SD: got.Prompt.SD(), N: len(got.Prompt)}
		x.Generate = report.Speed{Tokens: o.Generate, PerSecond: got.Generate.Mean(), SD: got.Generate.SD(), N: len(got.Generate)}
		x.WeightBytes, x.KVBytes, x.ScratchBytes = got.GenerateWork.WeightBytes, got.KVBytes, got.ScratchBytes
		weights := b.row.FileBytes // a mapping counts as a whole
		if n := subjects[i].Model.ResidentBytes(); n > 0 {
			weights = n
		}
		x.MemoryBytes = weights + x.KVBytes + x.ScratchBytes
		if x.Energy, err = m.Measure(ctx, pool, subjects[i], o); err != nil {
			return err
		}
		x.EnergyNote = m.Note
		if _, err := r.store.Save(b.step, b.key, nil, x); err != nil {
			return err
		}
	}
	return nil
}

// BenchSubject is a model with its weights loaded, as its speed is measured.
func (m *Model) BenchSubject() bench.Subject {
	bos := int32(-1)
	if t := m.Tokenizer; t != nil && t.AddBOS {
		bos = t.BOS
	}
	return bench.Subject{Model: m.Engine, BOS: bos}
}
