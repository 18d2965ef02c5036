package pipeline

import (
	"context"
	"path/filepath"

	"bitmill/eval/report"
	"bitmill/formats/bpw"
	"bitmill/formats/checkpoint"
)

// measure returns the model's part of the report. It opens and loads each file once for all measurements.
func (j *job) measure(ctx context.Context, in inputs, artifacts []*artifact) (*report.Model, error) {
	defer func() {
		j.source.Unload()
		for _, a := range artifacts {
			if a.model != nil {
				a.model.Close()
			}
		}
	}()
	m, err := j.row(in, artifacts)
	if err == nil {
		err = j.errors(ctx, in, artifacts, m)
	}
	if err == nil && j.windows != nil {
		err = j.evaluate(ctx, in, artifacts, m)
	}
	if err == nil && j.windows != nil {
		err = j.compareMethods(ctx, in, artifacts, m)
	}
	if err == nil && j.windows != nil && len(j.texts.tasks) > 0 {
		err = j.ask(ctx, in, artifacts, m)
	}
	if err == nil && j.windows != nil && j.o.Bench {
		err = j.bench(ctx, in, artifacts, m)
	}
	return m, err
}

// open opens the artifact unless it is open.
func (j *job) open(a *artifact) (err error) {
	if a.model == nil {
		s := Session{Events: j.Events, Source: checkpoint.OpenOptions{AllowRequantize: true}}
		a.model, err = s.OpenModel(j.path(a.file))
	}
	return err
}

// row returns the model's part of the report before anything is measured: names, sizes, plans.
func (j *job) row(in inputs, artifacts []*artifact) (*report.Model, error) {
	c := j.source.Config
	m := &report.Model{Name: j.name, Path: j.name, Architecture: c.Arch, Family: c.Family,
		SourceHash: in.provenance.Source, Parameters: j.size.All.Weights, Calibration: in.coverage,
		Context: int64(c.Context),
		KVBytes: 2 * c.KVValues(), StateBytes: 4 * c.StateValues()}
	if n := c.WindowValues(); n > 0 {
		m.Window, m.WindowBytes = int64(c.Window), 2*n
	}
	m.Source = report.Blank(j.source.Format("source"))
	Count(&m.Source, j.size)
	var err error
	if m.Source.FileBytes, err = j.source.FileBytes(); err != nil {
		return nil, err
	}
	for _, a := range artifacts {
		row, err := artifactRow(a)
		if err != nil {
			return nil, err
		}
		row.Path = filepath.ToSlash(filepath.Join(j.name, a.file))
		row.Method, row.Kept, row.Tuned = in.provenance.Method, a.kept, (*report.Tuning)(a.tuned)
		m.Artifacts = append(m.Artifacts, row)
	}
	return m, nil
}

func artifactRow(a *artifact) (report.Row, error) {
	p := a.Plan
	sum, err := bpw.Of(p.GGUFTensors())
	if err != nil {
		return report.Row{}, err
	}
	fell := int64(0)
	for _, t := range p.Tensors {
		if t.Fallback {
			fell += t.Elements()
		}
	}
	row := report.Blank(a.name())
	if a.isMix() {
		row.Recorded = p.Format.Name
	}
	row.SHA256, row.FileBytes = a.sha256, p.FileBytes
	row.Fallbacks, row.FallbackShare = p.Fallbacks, float64(fell)/float64(max(p.Parameters, 1))
	Count(&row, sum)
	return row, nil
}

// Count sets the exact sizes of a row.
func Count(row *report.Row, sum bpw.Summary) {
	row.PayloadBits, row.Weights, row.BPW = sum.All.Bits, sum.All.Weights, sum.All.String()
	row.MatrixBits, row.MatrixWeights = sum.Matrices.Bits, sum.Matrices.Weights
}
