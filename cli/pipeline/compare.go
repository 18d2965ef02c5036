package pipeline

import (
	"context"
	"errors"
	"os"

	"bitmill/eval"
	"bitmill/eval/report"
	"bitmill/quantize"
)

// compareMethods measures what the encoders make of every format, from files that are removed again.
func (j *job) compareMethods(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	if in.provenance.Method == "" || j.source.Engine == nil {
		return nil
	}
	v := Evaluation{Session: j.Session, Store: &j.store, Reference: j.source.Engine, Windows: j.windows,
		Bytes: eval.ScoredBytes(j.source.Tokenizer, j.windows), What: "evaluate references of " + j.name,
		Candidates: []Candidate{{Step: "evaluate-source", Key: key("evaluate", in.provenance.Source, "", j.tokens),
			Model: j.source.Engine}}}
	var rows []*report.Row
	var files []string
	var models []*Model
	defer func() {
		for _, x := range models {
			x.Close()
		}
		for _, f := range files {
			os.Remove(f)
		}
	}()
	for i, a := range artifacts {
		if a.model == nil || a.model.Engine == nil {
			continue // of a type that the engine cannot run
		}
		path, _, _ := feedbackFiles(j.path(a.file))
		model, err := j.reference(ctx, in, a.Plan, path)
		if err != nil {
			return err
		}
		files, models, rows = append(files, path), append(models, model), append(rows, &m.Artifacts[i])
		v.Candidates = append(v.Candidates, Candidate{Step: "evaluate-reference-" + a.word(), Model: model.Engine,
			Key: key("evaluate reference", in.provenance.Source, in.provenance.Imatrix, a.key, j.tokens)})
	}
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	for i, x := range results[1:] {
		rows[i].Reference = &report.Reference{KLD: x.KLD, KLDSE: x.KLDSE, PPL: x.PPL, SameTop: x.SameTop}
	}
	return nil
}

// reference writes what the encoders make of a plan, and opens it.
func (j *job) reference(ctx context.Context, in inputs, p *quantize.Plan, path string) (*Model, error) {
	_, err := quantize.Write(ctx, j.source.Checkpoint, in.imatrix, []quantize.Artifact{{Plan: p, Path: path}},
		quantize.WriteOptions{Threads: j.Threads, Memory: j.o.Memory})
	if err != nil {
		return nil, err
	}
	s := j.Session
	s.Source.AllowRequantize, s.Source.Adapter = true, ""
	model, err := s.Load(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return model, nil
}
