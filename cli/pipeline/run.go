// Package pipeline is the main job of bitmill: it plans, calibrates, quantizes and measures models and writes the
// report. It knows neither flags nor terminals.
package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/eval/threshold"
	"bitmill/formats/demo"
	"bitmill/formats/file"
	"bitmill/quantize"
)

// Run does the whole job. A run that was interrupted continues where it was: what is in the output folder is kept as
// long as it was made from the same inputs and options.
func Run(ctx context.Context, o Options, events Events) (Summary, error) {
	if o.Source.Adapter != "" && len(o.Models) != 1 {
		return Summary{}, UsageError{errors.New("--lora belongs to one model: give one")}
	}
	rules, err := ReadBudget(o.Budget) // first: a mistake in it shows before hours of work
	if err != nil {
		return Summary{}, err
	}
	session := Session{Events: events, Threads: o.Threads, Source: o.Source}
	release := func() {}
	defer func() { release() }()
	lock := func() (err error) {
		store := steps.Store{Dir: o.Out}
		if err = store.MakeFolder(); err == nil {
			release, err = store.Lock()
		}
		return err
	}
	var warnings []string
	models := o.Models
	isDemo := len(models) == 0
	if isDemo {
		if err = lock(); err == nil {
			models, err = unpackDemo(o.Out)
		}
		if err != nil {
			return Summary{}, err
		}
		if o.Text == "" {
			warnings = append(warnings, "the demo's texts were sampled from demo-l itself, which makes them easy for it: "+
				"compare artifacts of one model, not the two models")
		}
	} else if o.Text == "" {
		warnings = append(warnings, "no --text was given: the models are evaluated on the demo's short text, "+
			"which says little about them")
	}
	texts, w, err := readTexts(o)
	if err != nil {
		return Summary{}, err
	}
	warnings = append(warnings, w...)
	rep := &report.Report{Schema: report.Schema, Tool: "bitmill " + quantize.FormatVersion, Command: o.Command,
		Text: report.TextInfo{Name: texts.evaluation.name, SHA256: texts.evaluation.sha256, Context: o.Context,
			Overlap: texts.overlap}, Warnings: warnings}
	names, err := outputNames(models)
	if err != nil {
		return Summary{}, err
	}
	var runs []*modelRun
	defer func() {
		for _, r := range runs {
			r.source.Close()
		}
	}()
	// Every model is opened and planned before any is worked on, so that a mistake shows at once, and leaves nothing.
	for i, path := range models {
		r := &modelRun{Session: session, o: o, name: names[i], store: steps.Store{Dir: filepath.Join(o.Out, names[i])},
			calibrationText: texts.calibration, text: texts.evaluation}
		if err := r.open(path); err != nil {
			return Summary{}, err
		}
		runs = append(runs, r)
		if err := r.plan(); err != nil {
			return Summary{}, err
		}
	}
	for _, w := range warnings {
		events.Warn(w)
	}
	if !isDemo {
		if err := lock(); err != nil {
			return Summary{}, err
		}
	}
	if err := prepare(o.Out, runs); err != nil {
		return Summary{}, err
	}
	for _, r := range runs {
		m, err := r.run(ctx)
		if err != nil {
			return Summary{}, err
		}
		rep.Models = append(rep.Models, *m)
		rep.Text.Tokens, rep.Text.Windows, rep.Text.Scored = r.tokens(rep.Text)
	}
	rep.Fit(threshold.Options{Budget: o.KLDBudget})
	if err := writeReport(o.Out, rep); err != nil {
		return Summary{}, err
	}
	s := Summary{Report: rep, Path: filepath.Join(o.Out, reportNames[0])}
	if o.Budget != "" {
		s.Check, err = gate.Check(rep, nil, rules, gate.Options{Strict: o.Strict})
	}
	return s, cmp.Or(events.Result(s), err)
}

// ReadBudget reads the rules; without a path they are the baseline's.
func ReadBudget(path string) ([]gate.Rule, error) {
	if path == "" {
		return gate.BaselineRules(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rules, err := gate.ReadBudget(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

// outputNames gives every model a folder name of its own.
func outputNames(models []string) ([]string, error) {
	seen := map[string]string{}
	var names []string
	for _, path := range models {
		n := ModelName(path)
		if other, ok := seen[n]; ok {
			return nil, UsageError{fmt.Errorf("%s and %s would both be written to the folder %s: rename one", other, path, n)}
		}
		seen[n] = path
		names = append(names, n)
	}
	return names, nil
}

// unpackDemo writes the embedded models as folders and returns their paths.
func unpackDemo(out string) ([]string, error) {
	var paths []string
	for _, m := range demo.Models() {
		dir := filepath.Join(out, "demo-models", m.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		files, err := m.Files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name)
			if old, err := os.ReadFile(path); err == nil && hashBytes(old) == hashBytes(f.Data) {
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

// reportNames are the files that writeReport writes.
var reportNames = []string{"report.json", "report.md", "report.html"}

// prepare makes the models' folders, clears away what a killed run left half-written, and checks that every file can
// be written and that all fit on the disk. Files of an earlier run are written over or kept.
func prepare(out string, runs []*modelRun) error {
	var targets []string
	for _, n := range reportNames {
		targets = append(targets, filepath.Join(out, n))
	}
	need := int64(0)
	for _, r := range runs {
		if err := r.store.MakeFolder(); err != nil {
			return err
		}
		need += r.need
		targets = append(targets, filepath.Join(r.store.Dir, imatrixName))
		for _, f := range r.formats {
			path := filepath.Join(r.store.Dir, r.artifactPath(f))
			targets = append(targets, path)
			for _, there := range []string{path, path + ".part"} {
				if st, err := os.Stat(there); err == nil {
					need -= st.Size()
				}
			}
		}
		if err := r.clearParts(); err != nil {
			return err
		}
	}
	for _, path := range targets {
		if err := file.CheckTarget(path); err != nil {
			return err
		}
	}
	return file.CheckSpace(out, max(need, 0))
}

// writeReport writes the report's three files.
func writeReport(dir string, rep *report.Report) error {
	for i, render := range []func(io.Writer, *report.Report) error{report.WriteJSON, report.Markdown, report.HTML} {
		var b bytes.Buffer
		if err := render(&b, rep); err != nil {
			return fmt.Errorf("%s: %w", reportNames[i], err)
		}
		if err := file.Write(filepath.Join(dir, reportNames[i]), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
