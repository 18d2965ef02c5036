package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bitmill/calibrate"
	"bitmill/eval/report"
	"bitmill/formats/file"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

const imatrixName = "imatrix.gguf"

// inputs are what artifacts are made from, besides the options.
type inputs struct {
	provenance quantize.Provenance // hashes of the source and the imatrix
	imatrix    *imatrix.Matrix     // entries that Options select; nil without an imatrix
	coverage   *report.Calibration // of all entries
	shares     map[string]float64  // what types are chosen by; nil: roles, or no types are chosen
}

// calibrate returns the inputs of the artifacts.
func (j *job) calibrate(ctx context.Context) (in inputs, err error) {
	in.provenance.Version = quantize.FormatVersion
	if in.provenance.Source, err = j.source.Hash(); err != nil {
		return in, err
	}
	switch {
	case j.given != nil:
		in.imatrix = j.given
		if in.provenance.Imatrix, err = j.given.Hash(); err != nil {
			return in, err
		}
		in.coverage = j.coverage(in.imatrix)
		in.coverage.Text, in.coverage.SHA256 = strings.Join(j.given.Datasets, ", "), in.provenance.Imatrix
		in.coverage.Imatrix = filepath.Base(j.o.Imatrix)
	case j.calibration != nil:
		if in.provenance.Imatrix, err = j.writeImatrix(ctx, in.provenance.Source); err != nil {
			return in, err
		}
		if in.imatrix, err = OpenImatrix(j.path(imatrixName)); err != nil {
			return in, err
		}
		in.coverage = j.coverage(in.imatrix)
	}
	selected, err := j.selectWeights(in.imatrix)
	if err != nil {
		return in, err
	}
	if selected != in.imatrix {
		in.imatrix = selected
		in.provenance.Imatrix, err = selected.Hash()
	}
	if err != nil {
		return in, err
	}
	in.provenance.SetMethod(j.method, j.o.Recipe.Fit, j.calibration)
	in.shares, err = j.shares(ctx, in)
	return in, err
}

// selectWeights selects the entries that Options name.
func (j *job) selectWeights(m *imatrix.Matrix) (*imatrix.Matrix, error) {
	if m == nil && j.calibration != nil { // not made yet
		return nil, nil
	}
	selected, err := quantize.SelectWeights(m, j.o.Include, j.o.Exclude)
	if err != nil {
		err = fmt.Errorf("%s: %w", j.name, err)
	}
	return selected, err
}

// writeImatrix writes the imatrix unless an earlier run did, and returns the file's hash.
func (j *job) writeImatrix(ctx context.Context, source string) (string, error) {
	k := key("calibrate", source, j.texts.calibration.sha256, j.o.Context, j.o.Windows)
	if rec, done := j.store.Done("calibrate", k); done && len(rec.Outputs) == 1 {
		return rec.Outputs[0].SHA256, nil
	}
	partial := j.path(filepath.Join(".bitmill", "imatrix-"+k[:16]+".gguf"))
	o := calibrate.Options{Dataset: j.texts.calibration.name,
		Save: func(m *imatrix.Matrix) error { return m.Write(partial) }}
	if m, err := imatrix.Open(partial); err == nil {
		o.Resume = m
	}
	if err := j.source.Load(); err != nil {
		return "", err
	}
	m, err := j.Calibrate(ctx, j.source, j.calibration, o)
	if err != nil {
		return "", err
	}
	j.source.Unload()
	data, err := m.Encode()
	if err != nil {
		return "", err
	}
	if err := file.Write(j.path(imatrixName), data); err != nil {
		return "", err
	}
	out := file.Written{Path: imatrixName, Bytes: int64(len(data)), SHA256: hashBytes(data)}
	if err := j.store.Save("calibrate", k, []file.Written{out}, nil); err != nil {
		return "", err
	}
	os.Remove(partial)
	return out.SHA256, nil
}

// coverage describes the imatrix and warns of columns that the text never used.
func (j *job) coverage(m *imatrix.Matrix) *report.Calibration {
	t := j.texts.calibration
	r := &report.Calibration{Text: t.name, SHA256: t.sha256, Windows: m.Windows, Entries: len(m.Entries)}
	for _, c := range m.Coverage() {
		r.ZeroColumns += int64(c.ZeroColumns)
	}
	for _, w := range ZeroColumns(m) {
		j.warn("%s: %s", j.name, w)
	}
	return r
}

// Calibrate runs the windows through the model.
func (s Session) Calibrate(ctx context.Context, m *Model, windows [][]int32,
	o calibrate.Options) (*imatrix.Matrix, error) {
	pool := s.Pool()
	defer pool.Close()
	step := s.Events.Begin("calibrate "+ModelName(m.Path), "windows")
	o.Progress, o.Part = step.Set, step.Part
	x, err := calibrate.Run(ctx, pool, m.Engine, windows, o)
	if err == nil {
		step.Done()
	}
	return x, err
}

// OpenImatrix opens an importance matrix; an empty path gives none.
func OpenImatrix(path string) (*imatrix.Matrix, error) {
	if path == "" {
		return nil, nil
	}
	m, err := imatrix.Open(path)
	if err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ZeroColumns returns a warning if entries have weights of zero because the calibration text never used their columns.
func ZeroColumns(m *imatrix.Matrix) (warnings []string) {
	if m == nil {
		return nil
	}
	var gaps []imatrix.Coverage
	var zero, columns, unseen, matrices int
	for _, c := range m.Coverage() {
		if !c.Full() {
			gaps = append(gaps, c)
			zero, columns = zero+c.ZeroColumns, columns+c.Columns
			unseen, matrices = unseen+c.Unseen, matrices+c.Matrices
		}
	}
	switch len(gaps) {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("the calibration text never used %d of %d columns, and %d of %d matrices, of %s",
			zero, columns, unseen, matrices, gaps[0].Name)}
	}
	return []string{fmt.Sprintf("the calibration text never used %d of %d columns, and %d of %d matrices, of %d tensors: "+
		"%s to %s", zero, columns, unseen, matrices, len(gaps), gaps[0].Name, gaps[len(gaps)-1].Name)}
}
