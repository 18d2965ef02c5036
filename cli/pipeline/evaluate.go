package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"bitmill/eval"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/formats"
)

// evaluate scores source and artifacts over the text and fills in the rows. An artifact of a type that the engine
// cannot run stays without figures, with a warning.
func (j *job) evaluate(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	if err := j.source.Load(); err != nil {
		return err
	}
	m.Vocabulary = vocabularyHash(j.source.Tokenizer)
	v := j.evaluation("evaluate " + j.name)
	var rows []*report.Row
	add := func(step, sha256 string, model *Model, row *report.Row) {
		v.Candidates = append(v.Candidates, Candidate{Step: "evaluate-" + step,
			Key: key("evaluate", in.provenance.Source, sha256, j.tokens), Model: model.Engine})
		rows = append(rows, row)
	}
	add("source", "", j.source, &m.Source)
	for i, a := range artifacts {
		err := j.open(a)
		if err == nil {
			err = a.model.Load()
		}
		if errors.Is(err, formats.ErrUnsupported) {
			j.warn("%s %s is not evaluated: %v", j.name, a.name(), err)
			continue
		}
		if err != nil {
			return err
		}
		add(a.word(), a.sha256, a.model, &m.Artifacts[i])
	}
	if err := j.end(&v, m, rows[1:]); err != nil {
		return err
	}
	if !j.o.NoNoiseFloor {
		v.Candidates = append(v.Candidates, j.noise(in))
	}
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if err := Finite(cmp.Or(row.Path, j.source.Path), results[i]); err != nil {
			return err
		}
		row.Text = results[i].Extended(results[0])
		row.Sample = SampleOf(results[i], len(j.windows), v.Candidates[i].For)
	}
	if words := j.o.Until.spent(j.name, rows[1:], len(j.windows)); words != "" {
		j.Events.Note(words)
	}
	if !j.o.NoNoiseFloor {
		m.Noise, err = noiseOf(j.source.Path, results[len(rows)])
	}
	return err
}

// evaluation is one over the job's text, without candidates.
func (j *job) evaluation(what string) Evaluation {
	return Evaluation{Session: j.Session, Store: &j.store, Reference: j.source.Engine, Kept: &j.kept, Windows: j.windows,
		Bytes: eval.ScoredBytes(j.source.Tokenizer, j.windows), What: what}
}

// noiseWindows is how many windows the noise floor is measured on: a floor needs no precision.
const noiseWindows = 8

// noise is the source with rounded activations, whose divergence from the source itself is the noise floor.
func (j *job) noise(in inputs) Candidate {
	return Candidate{Step: "noise", Key: key("noise", in.provenance.Source, j.tokens),
		Model: j.source.Engine.WithBF16Inputs(), Windows: min(noiseWindows, len(j.windows))}
}

func noiseOf(path string, x score.Text) (*report.Noise, error) {
	if err := Finite(path, x); err != nil {
		return nil, err
	}
	return &report.Noise{Windows: len(x.WindowKLD), KLD: x.KLD, KLDSE: x.KLDSE, KLDP99: x.KLDP99, SameTop: x.SameTop}, nil
}

// Finite returns an error if the figures are not finite numbers.
func Finite(path string, r score.Text) error {
	for _, x := range []float64{r.PPL, r.KLD} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s gives logits that are not finite numbers (perplexity %v, KLD %v): its weights or "+
				"its configuration are damaged, or those of the reference", path, r.PPL, r.KLD)
		}
	}
	return nil
}
