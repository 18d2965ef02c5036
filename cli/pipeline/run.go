// Package pipeline is the main job of bitmill as a library call: Run plans, calibrates, quantizes and measures models
// and writes the report. It knows neither flags nor terminals; it tells an Events what happens.
//
// Every model is a job that goes through three phases. Calibrate returns the inputs of the artifacts (hashes and the
// imatrix), quantize returns the artifacts, measure returns the model's part of the report. Each phase records what it
// did, so that the next run does only what is missing.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bitmill/cli/steps"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/demo"
	"bitmill/formats/file"
	"bitmill/quantize"
)

// Run does the whole job. After an interruption the next Run with the same options continues: files in the output
// folder are kept if they were made from the same inputs and options. events may be nil.
//
// All models are opened and planned before work on any starts, so a mistake shows at once and leaves nothing behind. A
// report that does not keep to Options.Budget is not an error; see Summary.Check. Nor is a format that cannot hold the
// values of a model, as long as another can: see Report.Blocked.
func Run(ctx context.Context, o Options, events Events) (s Summary, err error) {
	started := time.Now()
	o = o.withDefaults()
	if events == nil {
		events = Discard{}
	}
	rules, err := o.rules()
	if err != nil {
		return s, err
	}
	folder, models := steps.Store{Dir: o.Out}, o.Models
	if len(models) == 0 {
		release, err := folder.Lock() // before the demo's models are written there
		if err != nil {
			return s, err
		}
		defer release()
		if models, err = unpackDemo(filepath.Join(o.Out, "demo-models")); err != nil {
			return s, err
		}
	}
	p, err := prepare(ctx, &o, events, models)
	if err != nil {
		return s, err
	}
	defer p.close()
	if words := o.Until.Words(p.windows()); words != "" {
		events.Note(words)
	}
	if len(o.Models) > 0 {
		release, err := folder.Lock()
		if err != nil {
			return s, err
		}
		defer release()
	}
	if err := p.makeRoom(events); err != nil {
		return s, err
	}
	f, err := p.forecast()
	if err != nil {
		return s, err
	}
	events.Forecast(f)
	s.Report = newReport(&o, p.texts, p.warnings)
	continued := worked(p.jobs)
	if err := runJobs(ctx, p.jobs, s.Report); err != nil {
		return s, err
	}
	if err := p.locate(ctx, s.Report); err != nil {
		return s, err
	}
	p.progress.finish(f)
	s.Report.Fit(threshold.Options{Budget: o.KLDBudget})
	var unchecked error
	if o.Budget != "" {
		s.Check, unchecked = gate.Check(s.Report, nil, rules, gate.Options{Strict: o.Strict})
	}
	about := func(data []byte) (report.Colophon, error) {
		c, err := colophon(&o, folder, data, started, continued)
		c.Verdict = verdict(s.Check)
		return c, err
	}
	if s.Path, err = writeReport(o.Out, s.Report, about); err != nil {
		return s, err
	}
	if err := publish(p.jobs, s.Report); err != nil {
		return s, err
	}
	return s, cmp.Or(events.Result(s), unchecked)
}

// runJobs takes every model through its phases and adds it to the report. A model of which its values let nothing be
// made does not stop the others; it is an error when there are none.
func runJobs(ctx context.Context, jobs []*job, rep *report.Report) error {
	var first error
	most := 0 // tokens that were scored
	for _, j := range jobs {
		m, err := j.run(ctx)
		rep.Blocked = append(rep.Blocked, j.blocked...)
		if all := j.allBlocked(err); all != nil {
			first = cmp.Or(first, err)
			if j.blocked == nil {
				rep.Blocked = append(rep.Blocked, all...)
			}
			w := j.name + " is left out, since nothing can be made of it: " + err.Error()
			rep.Warnings = append(rep.Warnings, w)
			if len(jobs) > 1 {
				j.Events.Warn(w)
			}
			continue
		}
		if err != nil {
			return err
		}
		rep.Models = append(rep.Models, *m)
		describeText(&rep.Text, j.windows)
		if j.o.Until != (Goal{}) {
			rep.Text.Seed, rep.Text.Scored = orderSeed, max(most, m.Source.Tokens)
			most = rep.Text.Scored
		}
	}
	if len(rep.Models) == 0 {
		return first
	}
	return nil
}

// newJobs opens and plans all models. On an error it returns the jobs so far, to be closed.
func newJobs(ctx context.Context, s Session, o *Options, t *texts, models []string) (jobs []*job, err error) {
	names, err := outputNames(models)
	if err != nil {
		return nil, err
	}
	for i, path := range models {
		j, err := newJob(ctx, s, o, t, path, names[i])
		if err != nil {
			return jobs, err
		}
		if len(o.Locate) > 0 || quantize.Fits(j.method) { // there will be more evaluations than one
			j.kept.Most = keptValues / len(models)
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// keptValues bounds what is kept of all references: 256 MiB.
const keptValues = 64 << 20

// outputNames gives every model a folder name of its own.
func outputNames(models []string) ([]string, error) {
	seen := map[string]string{}
	var names []string
	for _, path := range models {
		n := ModelName(path)
		if other, ok := seen[n]; ok {
			return nil, UsageError{fmt.Errorf("%s and %s would both be written to the folder %s: rename one", other,
				path, n)}
		}
		seen[n] = path
		names = append(names, n)
	}
	return names, nil
}

// unpackDemo writes the embedded models as folders of a folder and returns their paths.
func unpackDemo(to string) ([]string, error) {
	var paths []string
	for _, m := range demo.Models() {
		dir := filepath.Join(to, m.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		files, err := m.Files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name)
			if old, err := file.Read(path); err == nil && hashBytes(old) == hashBytes(f.Data) {
				continue
			}
			if err := file.Write(path, f.Data); err != nil {
				return nil, err
			}
		}
		paths = append(paths, dir)
	}
	if len(paths) == 0 {
		return nil, UsageError{errors.New("this binary was built without the demo models: name a MODEL")}
	}
	return paths, nil
}
