package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"bitmill/eval"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/quantize"
)

// keptFiles is how many probes stay until the search ends, for the tensors that later ones have in common with them.
const keptFiles = 4

// probeStep names the record of a probe; its data is the probe's row.
func probeStep(v variant) string { return "probe-" + v.word() }

// probeFile is where a probe lies in the model's folder. One that is not kept is out of the user's sight.
func (j *job) probeFile(v variant) string {
	if j.o.KeepProbes {
		return j.artifactName(v)
	}
	return filepath.Join(".bitmill", probeStep(v)+".gguf")
}

// probe measures the mixes of some sizes, which have been planned, and adds them to the model's probes. What an earlier
// run measured is not made again.
func (s *search) probe(ctx context.Context, sizes []float64) error {
	rows := make([]report.Row, len(sizes))
	var missing []*artifact
	var into []*report.Row
	for i, x := range sizes {
		a, err := s.artifact(s.plans[x], s.windowsOf(x))
		if err != nil {
			return err
		}
		rec, ok := s.store.Done(probeStep(a.variant), a.key)
		if !ok || s.job.o.KeepProbes && len(rec.Outputs) == 0 || json.Unmarshal(rec.Data, &rows[i]) != nil {
			missing, into = append(missing, a), append(into, &rows[i])
		}
	}
	if missing != nil {
		if s.step == nil {
			s.step = s.Events.Begin(locateTitle(s.name), "probes")
		}
		done := len(s.m.Probes)
		s.step.Set(int64(done), int64(max(likelyProbes(s.m.Searched), done+len(sizes))))
		if err := s.measure(ctx, missing, into); err != nil {
			return err
		}
	}
	s.m.Probes = append(s.m.Probes, rows...)
	return nil
}

// windowsOf is how many windows a probe takes at least: for the economy as many as the source has, as losses of two
// models compare on the windows that both have, and their difference is known far less well than a divergence; 0 for
// the fidelity.
func (s *search) windowsOf(bpw float64) int {
	if s.economy[bpw] {
		return len(s.m.Source.WindowNLL)
	}
	return 0
}

// artifact is the probe of a plan over so many windows. Its key covers its types and the text.
func (s *search) artifact(p planned, windows int) (*artifact, error) {
	types, err := json.Marshal(p.Mix())
	if err != nil {
		return nil, err
	}
	k := key("probe", s.in.provenance.Source, s.in.provenance.Imatrix, string(types), s.tokens, len(s.windows),
		s.goal().String(), windows)
	return &artifact{planned: p, file: s.probeFile(p.variant), key: k, windows: windows}, nil
}

// measure writes and evaluates probes, and records them.
func (s *search) measure(ctx context.Context, list []*artifact, rows []*report.Row) (err error) {
	defer func() {
		for _, a := range list {
			if a.model != nil {
				err = errors.Join(err, a.model.Close())
			}
		}
	}()
	if err := s.write(ctx, list); err != nil {
		return err
	}
	if err := s.source.Load(); err != nil {
		return err
	}
	v := s.evaluation(locateTitle(s.name))
	v.Events = within{s.Events, s.step, float64(len(list))}
	v.Candidates = []Candidate{{Step: "evaluate-source", Key: key("evaluate", s.in.provenance.Source, "", s.tokens),
		Model: s.source.Engine}}
	for _, a := range list {
		if err := s.job.open(a); err != nil {
			return err
		}
		if err := a.model.Load(); err != nil {
			return err
		}
		v.Candidates = append(v.Candidates, Candidate{Step: "evaluate-" + probeStep(a.variant), Model: a.model.Engine,
			Key: key("evaluate", s.in.provenance.Source, a.sha256, s.tokens), Windows: a.windows})
	}
	v.End(s.goal(), gate.Decision{}, nil)
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	reference := s.m.Source.Text
	if len(results[0].WindowNLL) > len(reference.WindowNLL) {
		reference = results[0]
	}
	for i, a := range list {
		if *rows[i], err = artifactRow(a); err != nil {
			return err
		}
		if err := Finite(s.path(a.file), results[i+1]); err != nil {
			return err
		}
		rows[i].Text = results[i+1].Extended(reference)
		rows[i].Sample = SampleOf(results[i+1], len(s.windows), "")
		if err := s.record(a, rows[i]); err != nil {
			return err
		}
	}
	return s.trim()
}

// goal is when enough windows of a probe are scored: at the precision of the run, or the default one, as it is not
// known beforehand which verdicts a probe is needed for.
func (s *search) goal() Goal {
	g := s.job.o.Until
	if g.Decided {
		g = DefaultGoal
	}
	return g
}

// record records a probe with its row.
func (s *search) record(a *artifact, row *report.Row) error {
	var outputs []file.Written
	if s.job.o.KeepProbes {
		row.Path = filepath.ToSlash(filepath.Join(s.name, a.file))
		outputs = []file.Written{{Path: a.file, Bytes: row.FileBytes, SHA256: a.sha256}}
	}
	return s.store.Save(probeStep(a.variant), a.key, outputs, row)
}

// within are events of a part of a step, which is so many of its units; their progress shows in the step's.
type within struct {
	Events
	step  Step
	units float64
}

func (w within) Begin(what, unit string) Step { return part{Step: Discard{}, within: w} }

// part is a step that is a part of another.
type part struct {
	Step
	within
}

func (p part) Set(done, total int64) {
	if total > 0 {
		p.step.Part(p.units * float64(done) / float64(total))
	}
}

// write writes probes. Tensors that an artifact or another probe has in the right type are copied from it.
func (s *search) write(ctx context.Context, list []*artifact) error {
	resume, err := s.in.provenance.ResumeKey(s.source.Checkpoint, s.in.imatrix)
	if err != nil {
		return err
	}
	var artifacts []quantize.Artifact
	for _, a := range list {
		artifacts = append(artifacts, quantize.Artifact{Plan: a.Plan, Path: s.path(a.file), ResumeKey: resume})
	}
	written, err := quantize.Write(ctx, s.source.Checkpoint, s.in.imatrix, artifacts, quantize.WriteOptions{
		Threads: s.Threads, Memory: s.job.o.Memory, Reuse: slices.Concat(s.donors, s.files)})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	for i, w := range written {
		list[i].sha256 = w.SHA256
		s.files = append(s.files, w.Path)
	}
	return nil
}

// trim removes the oldest probes.
func (s *search) trim() error {
	for !s.job.o.KeepProbes && len(s.files) > keptFiles {
		if err := os.Remove(s.files[0]); err != nil {
			return err
		}
		s.files = s.files[1:]
	}
	return nil
}

// close ends the search: what it made for itself is removed.
func (s *search) close() error {
	s.source.Unload()
	s.kept = eval.Kept{}
	return s.discardProbes()
}

// discardProbes removes the probes that are not kept, those of a killed run too.
func (j *job) discardProbes() (err error) {
	paths, err := filepath.Glob(j.path(filepath.Join(".bitmill", "probe-*.gguf*")))
	for _, p := range paths {
		err = errors.Join(err, os.Remove(p))
	}
	return err
}
