package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"bitmill/calibrate"
	"bitmill/cli/steps"
	"bitmill/eval/infer"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

// modelRun takes one model through the pipeline. Each step leaves its outputs and a record in the model's folder.
type modelRun struct {
	Session
	o                     Options
	name                  string
	store                 steps.Store
	calibrationText, text text

	source    *Model // model is nil but for the steps that run it
	runs      bool   // the source can be evaluated
	hash      string // of the source
	windows   [][]int32
	imatrix   *imatrix.Matrix
	coverage  *report.Calibration
	artifacts []artifact
	warnings  []string
	formats   []string // those that can be made
	need      int64    // bytes of the artifacts
}

// artifact is one file to be made.
type artifact struct {
	plan   *quantize.Plan
	path   string // relative to the model's folder
	sha256 string
}

const imatrixName = "imatrix.gguf"

// open opens the source and finds out whether it can be evaluated; when not, quantizing goes on without an imatrix.
func (r *modelRun) open(path string) error {
	c, err := r.Open(path)
	if err != nil {
		return err
	}
	r.source = &Model{Checkpoint: c}
	r.warnings = append(r.warnings, c.Warnings...)
	if c.Tokenizer == nil && c.ConfigErr == nil {
		err = c.TokenizerErr
	} else {
		err = r.load()
	}
	if err != nil {
		r.warn("%s is quantized without calibration and not evaluated: %v", r.name, err)
		return nil
	}
	r.unload()
	r.runs = true
	if w := r.source.LongContext(r.o.Context); w != "" {
		r.warn("%s", w)
	}
	if r.windows, err = r.source.Windows(r.text.name, r.text.text, r.o.Context, r.o.Windows); err != nil {
		return err
	}
	if r.calibrates() {
		_, err = r.source.Windows(r.calibrationText.name, r.calibrationText.text, r.o.Context, r.o.Windows)
	}
	return err
}

func (r *modelRun) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	r.warnings = append(r.warnings, w)
	r.Events.Warn(w)
}

func (r *modelRun) calibrates() bool { return r.runs && !r.o.NoImatrix }

// load makes the source ready to run.
func (r *modelRun) load() (err error) {
	r.source.Engine, err = infer.Load(r.source.Checkpoint)
	return err
}

// unload gives back what running the source took: quantizing keeps to a budget of its own.
func (r *modelRun) unload() {
	r.source.Engine = nil
	for i := range r.source.Tensors {
		t := &r.source.Tensors[i]
		t.Release(0, t.Rows())
	}
	debug.FreeOSMemory()
}

// plan resolves every format, before anything is computed. Of all formats, those that cannot be made are left out with
// a warning; formats asked for by name must all be possible.
func (r *modelRun) plan() error {
	o := r.o.Recipe
	o.AssumeImatrix = r.calibrates()
	var left []string
	var first error
	for _, f := range r.o.Formats {
		o.Format = f
		p, err := NewPlan(r.source.Checkpoint, nil, o, r.o.Strict)
		if err == nil {
			err = p.CheckEncoders()
		}
		var blocked *quantize.BlockedError
		switch {
		case err == nil:
			r.formats = append(r.formats, f)
			r.need += p.FileBytes
		case errors.As(err, &blocked):
			first = cmp.Or(first, err)
			left = append(left, f)
		default:
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	switch {
	case first == nil:
	case len(left) == 1 && !r.o.All:
		return fmt.Errorf("%s: %w", r.name, first)
	case !r.o.All || len(r.formats) == 0:
		return fmt.Errorf("%s: %w; %s cannot be made either", r.name, first, strings.Join(left[1:], ", "))
	default:
		r.warn("%s: %d formats cannot be made and are left out: %s; bitmill plan says why of each", r.name, len(left), strings.Join(left, ", "))
	}
	return nil
}

// clearParts removes what a killed run left half-written, but for artifacts that this run goes on with.
func (r *modelRun) clearParts() error {
	parts := []string{imatrixName}
	for _, f := range quantize.Formats() {
		if !slices.Contains(r.formats, f.Name) {
			parts = append(parts, r.artifactPath(f.Name))
		}
	}
	for _, p := range parts {
		if err := file.Discard(filepath.Join(r.store.Dir, p)); err != nil {
			return err
		}
	}
	return nil
}

func (r *modelRun) artifactPath(format string) string { return r.name + "-" + format + ".gguf" }

// run does the steps and returns the model's part of the report.
func (r *modelRun) run(ctx context.Context) (*report.Model, error) {
	err := r.Scan(ctx, r.source.Checkpoint)
	if err != nil {
		return nil, err
	}
	if r.hash, err = r.source.Hash(); err != nil {
		return nil, err
	}
	if r.calibrates() {
		if err := r.calibrate(ctx); err != nil {
			return nil, err
		}
	}
	if err := r.quantize(ctx); err != nil {
		return nil, err
	}
	m, err := r.row()
	if err != nil {
		return nil, err
	}
	if err := r.errors(ctx, m); err != nil {
		return nil, err
	}
	if r.runs {
		if err := r.load(); err != nil {
			return nil, err
		}
		if err := r.evaluate(ctx, m); err != nil {
			return nil, err
		}
		r.unload()
	}
	if r.runs && r.o.Bench {
		if err := r.bench(ctx, m); err != nil {
			return nil, err
		}
	}
	m.Warnings = r.warnings
	return m, nil
}

func (r *modelRun) calibrate(ctx context.Context) error {
	key, err := steps.Key(quantize.FormatVersion, "calibrate", r.hash, r.calibrationText.sha256, r.o.Context, r.o.Windows)
	if err != nil {
		return err
	}
	path := filepath.Join(r.store.Dir, imatrixName)
	if _, done := r.store.Done("calibrate", key); !done {
		partial := filepath.Join(r.store.Dir, ".bitmill", "imatrix-"+key[:16]+".gguf")
		o := calibrate.Options{Dataset: r.calibrationText.name, Save: func(m *imatrix.Matrix) error { return m.Write(partial) }}
		if m, err := imatrix.Open(partial); err == nil {
			o.Resume = m
		}
		if err := r.load(); err != nil {
			return err
		}
		m, err := r.Calibrate(ctx, r.source, r.calibrationText.text, o, r.o.Context, r.o.Windows)
		if err != nil {
			return err
		}
		r.unload()
		data, err := m.Encode()
		if err != nil {
			return err
		}
		if err := file.Write(path, data); err != nil {
			return err
		}
		out, err := r.store.Output(imatrixName)
		if err != nil {
			return err
		}
		if _, err := r.store.Save("calibrate", key, []steps.Output{out}, nil); err != nil {
			return err
		}
		os.Remove(partial)
	}
	if r.imatrix, err = OpenImatrix(path); err != nil {
		return err
	}
	r.coverage = &report.Calibration{Text: r.calibrationText.name, SHA256: r.calibrationText.sha256, Windows: r.imatrix.Chunks, Entries: len(r.imatrix.Entries)}
	for _, c := range r.imatrix.Coverage() {
		r.coverage.ZeroColumns += int64(c.ZeroColumns)
	}
	for _, w := range ZeroColumns(r.imatrix) {
		r.warn("%s: %s", r.name, w)
	}
	return nil
}

// quantize writes the artifacts that are missing, all from one read of the source. Tensors that an artifact of an
// earlier run has in the right type are copied from it.
func (r *modelRun) quantize(ctx context.Context) error {
	o := r.o.Recipe
	var err error
	if r.imatrix, err = quantize.SelectWeights(r.imatrix, r.o.Include, r.o.Exclude); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	made, err := quantize.NewProvenance(r.source.Checkpoint, r.imatrix)
	if err != nil {
		return err
	}
	o.Provenance = made.Metadata(r.source.Checkpoint)
	if r.imatrix != nil {
		o.ImatrixFile = imatrixName
	}
	resume, err := made.ResumeKey(r.source.Checkpoint, r.imatrix)
	if err != nil {
		return err
	}
	var jobs []quantize.Artifact
	var keys, donors []string
	for _, f := range r.formats {
		o.Format = f
		p, err := NewPlan(r.source.Checkpoint, r.imatrix, o, r.o.Strict)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for _, w := range p.Warnings {
			r.warn("%s %s: %s", r.name, f, w)
		}
		key, err := made.ArtifactKey(o)
		if err != nil {
			return err
		}
		a := artifact{plan: p, path: r.artifactPath(f)}
		path := filepath.Join(r.store.Dir, a.path)
		rec, whole := r.store.Intact("quantize-" + f)
		if whole && madeFrom(rec) == made {
			donors = append(donors, path)
		}
		if whole && rec.Key == key {
			a.sha256 = rec.Outputs[0].SHA256
			if err := file.Discard(path); err != nil {
				return err
			}
		} else {
			jobs = append(jobs, quantize.Artifact{Plan: p, Path: path, ResumeKey: resume})
			keys = append(keys, key)
		}
		r.artifacts = append(r.artifacts, a)
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := r.forgetReport(jobs); err != nil {
		return err
	}
	p := r.Events.Begin("quantize "+r.name, "bytes")
	written, err := quantize.Write(ctx, r.source.Checkpoint, r.imatrix, jobs, quantize.WriteOptions{
		Threads: r.Threads, Memory: r.o.Memory, Progress: p.Set, Reuse: donors,
		Done: func(w quantize.Written) error { return r.record(jobs, keys, made, w) },
	})
	if err != nil {
		return err
	}
	p.Done()
	if note := ReuseNote(written); note != "" {
		r.Events.Note(r.name + ": " + note)
	}
	return nil
}

// madeFrom is what the record of an artifact says of its inputs.
func madeFrom(rec *steps.Record) (p quantize.Provenance) {
	if json.Unmarshal(rec.Data, &p) != nil {
		return quantize.Provenance{}
	}
	return p
}

// forgetReport removes the report of an earlier run when files that it describes are about to be replaced.
func (r *modelRun) forgetReport(jobs []quantize.Artifact) error {
	for _, j := range jobs {
		if _, err := os.Stat(j.Path); err != nil {
			continue
		}
		for _, n := range reportNames {
			if err := os.Remove(filepath.Join(r.o.Out, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// record notes an artifact that was written.
func (r *modelRun) record(jobs []quantize.Artifact, keys []string, made quantize.Provenance, w quantize.Written) error {
	i := slices.IndexFunc(jobs, func(j quantize.Artifact) bool { return j.Path == w.Path })
	if i < 0 {
		return errors.New("internal error: nobody asked for " + w.Path)
	}
	name := filepath.Base(w.Path)
	out := w.Written
	out.Path = name
	if _, err := r.store.Save("quantize-"+jobs[i].Plan.Format.Name, keys[i], []steps.Output{out}, made); err != nil {
		return err
	}
	for k := range r.artifacts {
		if r.artifacts[k].path == name {
			r.artifacts[k].sha256 = w.SHA256
		}
	}
	return nil
}

// ReuseNote says in a few words what did not have to be encoded; "" when everything had to.
func ReuseNote(written []quantize.Written) string {
	kept, reused := 0, 0
	for _, w := range written {
		kept, reused = kept+w.Resumed, reused+w.Reused
	}
	note := ""
	if kept > 0 {
		note = fmt.Sprintf("%d tensors were there already from writing that was interrupted", kept)
	}
	if reused > 0 {
		if note != "" {
			note += ", "
		}
		note += fmt.Sprintf("%d were copied from earlier artifacts", reused)
	}
	return note
}
