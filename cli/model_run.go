package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bitmill/calibrate"
	"bitmill/cli/batch"
	"bitmill/eval/infer"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/stats"
	"bitmill/quantize"
)

// modelRun takes one model through the pipeline. Each step leaves its outputs and a record in the model's folder.
type modelRun struct {
	env                   env
	o                     runOptions
	name                  string
	store                 batch.Store
	calibrationText, text textInput

	source    *subject // model is nil when the model cannot be evaluated
	hash      string   // of the source
	windows   [][]int32
	imatrix   *stats.Matrix
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
	c, err := openModel(path)
	if err != nil {
		return err
	}
	r.source = &subject{Checkpoint: c}
	r.warnings = append(r.warnings, c.Warnings...)
	m, err := infer.Load(c)
	if err == nil && c.Tokenizer == nil {
		err = c.TokenizerErr
	}
	if err != nil {
		r.warn("%s is quantized without calibration and not evaluated: %v", r.name, err)
		return nil
	}
	r.source.model = m
	if w := r.source.longContext(r.o.context); w != "" {
		r.warn("%s", w)
	}
	if r.windows, err = r.source.windows(r.text.name, r.text.text, r.o.context, r.o.chunks); err != nil {
		return err
	}
	if r.calibrates() {
		_, err = r.source.windows(r.calibrationText.name, r.calibrationText.text, r.o.context, r.o.chunks)
	}
	return err
}

func (r *modelRun) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	r.warnings = append(r.warnings, w)
	r.env.warn(w)
}

func (r *modelRun) calibrates() bool { return r.source.model != nil && !r.o.noImatrix }

// plan resolves every format, before anything is computed. Of all formats, those that cannot be made are left out with
// a warning; formats asked for by name must all be possible.
func (r *modelRun) plan() error {
	o := r.o.recipe
	o.AssumeImatrix = r.calibrates()
	var left []string
	var first error
	for _, f := range r.o.formats {
		o.Format = f
		p, err := newPlan(r.source.Checkpoint, nil, o, r.o.strict)
		if err == nil {
			err = p.Writable()
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
	case len(left) == 1 && !r.o.all:
		return fmt.Errorf("%s: %w", r.name, first)
	case !r.o.all || len(r.formats) == 0:
		return fmt.Errorf("%s: %w; %s cannot be made either", r.name, first, strings.Join(left[1:], ", "))
	default:
		r.warn("%s: %d formats cannot be made and are left out: %s; bitmill plan says why of each", r.name, len(left), strings.Join(left, ", "))
	}
	return nil
}

// clearParts removes what a killed run left half-written.
func (r *modelRun) clearParts() error {
	parts := []string{imatrixName + ".part"}
	for _, f := range quantize.Formats() {
		parts = append(parts, r.artifactPath(f.Name)+".part")
	}
	for _, p := range parts {
		if err := os.Remove(filepath.Join(r.store.Dir, p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (r *modelRun) artifactPath(format string) string { return r.name + "-" + format + ".gguf" }

// run does the steps and returns the model's part of the report.
func (r *modelRun) run(ctx context.Context) (*report.Model, error) {
	var err error
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
	if r.source.model != nil {
		if err := r.evaluate(ctx, m); err != nil {
			return nil, err
		}
	}
	m.Warnings = r.warnings
	return m, nil
}

func (r *modelRun) calibrate(ctx context.Context) error {
	key, err := batch.Key(Version, "calibrate", r.hash, r.calibrationText.sha256, r.o.context, r.o.chunks)
	if err != nil {
		return err
	}
	path := filepath.Join(r.store.Dir, imatrixName)
	if _, done := r.store.Done("calibrate", key); !done {
		partial := filepath.Join(r.store.Dir, ".bitmill", "imatrix-"+key[:16]+".gguf")
		o := calibrate.Options{Dataset: r.calibrationText.name, Save: func(m *stats.Matrix) error { return m.Write(partial) }}
		if m, err := stats.Open(partial); err == nil {
			o.Resume = m
		}
		m, err := r.source.calibrate(ctx, r.env, r.calibrationText.text, o, r.o.context, r.o.chunks)
		if err != nil {
			return err
		}
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
		if _, err := r.store.Save("calibrate", key, []batch.Output{out}, nil); err != nil {
			return err
		}
		os.Remove(partial)
	}
	if r.imatrix, err = openImatrix(path); err != nil {
		return err
	}
	r.coverage = &report.Calibration{Text: r.calibrationText.name, SHA256: r.calibrationText.sha256, Chunks: r.imatrix.Chunks, Entries: len(r.imatrix.Entries)}
	for _, c := range r.imatrix.Coverage() {
		r.coverage.ZeroColumns += int64(c.ZeroColumns)
	}
	for _, w := range zeroColumns(r.imatrix) {
		r.warn("%s: %s", r.name, w)
	}
	return nil
}

// quantize writes the artifacts that are missing, all from one read of the source.
func (r *modelRun) quantize(ctx context.Context) error {
	o := r.o.recipe
	var err error
	if o.Provenance, err = provenance(r.source.Checkpoint, r.imatrix, imatrixName); err != nil {
		return err
	}
	if r.imatrix != nil {
		o.ImatrixFile = imatrixName
	}
	imatrixHash := provenanceHash(o.Provenance)
	var jobs []quantize.Job
	var keys []string
	for _, f := range r.formats {
		o.Format = f
		p, err := newPlan(r.source.Checkpoint, r.imatrix, o, r.o.strict)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for _, w := range p.Warnings {
			r.warn("%s %s: %s", r.name, f, w)
		}
		key, err := artifactKey(r.hash, imatrixHash, o)
		if err != nil {
			return err
		}
		a := artifact{plan: p, path: r.artifactPath(f)}
		if rec, done := r.store.Done("quantize-"+f, key); done {
			a.sha256 = rec.Outputs[0].SHA256
		} else {
			jobs = append(jobs, quantize.Job{Plan: p, Path: filepath.Join(r.store.Dir, a.path)})
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
	p := r.env.progress("quantize "+r.name, "bytes")
	written, err := quantize.Write(ctx, r.source.Checkpoint, r.imatrix, jobs, quantize.WriteOptions{Threads: r.env.threads, Progress: p.Set})
	if err != nil {
		return err
	}
	p.Done()
	return r.record(jobs, keys, written)
}

// forgetReport removes the report of an earlier run when files that it describes are about to be replaced.
func (r *modelRun) forgetReport(jobs []quantize.Job) error {
	for _, j := range jobs {
		if _, err := os.Stat(j.Path); err != nil {
			continue
		}
		for _, n := range reportNames {
			if err := os.Remove(filepath.Join(r.o.out, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// record notes what was written.
func (r *modelRun) record(jobs []quantize.Job, keys []string, written []quantize.Written) error {
	sums := map[string]quantize.Written{}
	for _, w := range written {
		sums[w.Path] = w
	}
	for i, j := range jobs {
		w, ok := sums[j.Path]
		if !ok {
			return errors.New("internal error: an artifact was not written: " + j.Path)
		}
		name := filepath.Base(j.Path)
		out := batch.Output{Path: name, Bytes: w.Bytes, SHA256: w.SHA256}
		if _, err := r.store.Save("quantize-"+j.Plan.Format.Name, keys[i], []batch.Output{out}, nil); err != nil {
			return err
		}
		for k := range r.artifacts {
			if r.artifacts[k].path == name {
				r.artifacts[k].sha256 = w.SHA256
			}
		}
	}
	return nil
}

// artifactKey covers everything an artifact's bytes depend on.
func artifactKey(source, imatrix string, o quantize.Options) (string, error) {
	o.Provenance = nil // it follows from the rest
	return batch.Key(Version, "quantize", source, imatrix, o)
}

func provenanceHash(p *gguf.Metadata) string {
	v, _ := p.Get("bitmill.imatrix.sha256")
	s, _ := v.(string)
	return s
}
