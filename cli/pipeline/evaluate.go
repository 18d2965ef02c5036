package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/eval"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/formats"
	"bitmill/formats/bpw"
	"bitmill/quantize"
)

// row is the model's part of the report before anything is measured: names, sizes, plans.
func (r *modelRun) row() (*report.Model, error) {
	c := r.source.Config
	sum, err := r.source.Summary()
	if err != nil {
		return nil, err
	}
	size, err := r.source.FileBytes()
	if err != nil {
		return nil, err
	}
	format, err := SourceFormat(r.source.Checkpoint)
	if err != nil {
		format = "source"
	}
	m := &report.Model{Name: r.name, Path: r.name, Architecture: c.Arch, Family: c.Family, SourceHash: r.hash, Parameters: sum.All.Weights, Calibration: r.coverage,
		KVBytes: 2 * 2 * int64(c.Layers) * int64(c.KVHeads) * int64(c.HeadDim)}
	m.Source = report.Blank(format)
	m.Source.FileBytes = size
	Count(&m.Source, sum)
	for _, a := range r.artifacts {
		row, err := artifactRow(a)
		if err != nil {
			return nil, err
		}
		row.Path = filepath.ToSlash(filepath.Join(r.name, a.path))
		m.Artifacts = append(m.Artifacts, row)
	}
	return m, nil
}

func artifactRow(a artifact) (report.Row, error) {
	p := a.plan
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
	row := report.Blank(p.Format.Name)
	row.SHA256, row.FileBytes = a.sha256, p.FileBytes
	row.Fallbacks, row.FallbackShare = p.Fallbacks, float64(fell)/float64(max(p.Parameters, 1))
	Count(&row, sum)
	return row, nil
}

// Count fills in the exact sizes.
func Count(row *report.Row, sum bpw.Summary) {
	row.PayloadBits, row.Weights, row.BPW = sum.All.Bits, sum.All.Weights, sum.All.String()
	row.MatrixBits, row.MatrixWeights = sum.Matrices.Bits, sum.Matrices.Weights
}

// evaluate scores source and artifacts over the text and fills in the rows. An artifact of a type that the engine
// cannot run stays without figures, with a warning.
func (r *modelRun) evaluate(ctx context.Context, m *report.Model) error {
	tokens := TokenHash(r.windows)
	m.Vocabulary = vocabularyHash(r.source.Tokenizer)
	v := Evaluation{Session: r.Session, Store: &r.store, Reference: r.source.Engine, Windows: r.windows,
		Bytes: eval.ScoredBytes(r.source.Tokenizer, r.windows), What: "evaluate " + r.name}
	add := func(name, sha string, s *Model) error {
		key, err := steps.Key(quantize.FormatVersion, "evaluate", r.hash, sha, tokens)
		if err != nil {
			return err
		}
		v.Candidates = append(v.Candidates, Candidate{Step: "evaluate-" + name, Key: key, Model: s.Engine})
		return nil
	}
	if err := add("source", "", r.source); err != nil {
		return err
	}
	rows := []*report.Row{&m.Source}
	for i, a := range r.artifacts {
		s, err := Session{Events: r.Events}.Load(filepath.Join(r.store.Dir, a.path))
		if errors.Is(err, formats.ErrUnsupported) {
			r.warn("%s %s is not evaluated: %v", r.name, a.plan.Format.Name, err)
			continue
		}
		if err != nil {
			return err
		}
		defer s.Close()
		rows = append(rows, &m.Artifacts[i])
		if err := add(a.plan.Format.Name, a.sha256, s); err != nil {
			return err
		}
	}
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	for i, x := range results {
		if err := Finite(cmp.Or(rows[i].Path, r.source.Path), x); err != nil {
			return err
		}
		rows[i].Text = x
	}
	return r.noiseFloor(ctx, m)
}

// noiseWindows is how many windows the noise floor is measured on: a floor needs no precision.
const noiseWindows = 8

// noiseFloor measures the source against itself with rounded activations.
func (r *modelRun) noiseFloor(ctx context.Context, m *report.Model) error {
	windows := r.windows[:min(noiseWindows, len(r.windows))]
	key, err := steps.Key(quantize.FormatVersion, "noise", r.hash, TokenHash(windows))
	if err != nil {
		return err
	}
	v := Evaluation{Session: r.Session, Store: &r.store, Reference: r.source.Engine, Windows: windows, What: "noise floor " + r.name,
		Candidates: []Candidate{{Step: "noise-source", Key: key, Model: r.source.Engine}, {Step: "noise", Key: key, Model: r.source.Engine.WithBF16Inputs()}}}
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	x := results[1]
	if err := Finite(r.source.Path, x); err != nil {
		return err
	}
	m.Noise = &report.Noise{Windows: len(windows), KLD: x.KLD, KLDSE: x.KLDSE, KLDP99: x.KLDP99, SameTop: x.SameTop}
	return nil
}

// Finite refuses figures that are not finite numbers.
func Finite(path string, r score.Text) error {
	for _, x := range []float64{r.PPL, r.KLD} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s gives logits that are not finite numbers (perplexity %v, KLD %v): its weights or its "+
				"configuration are damaged, or those of the reference", path, r.PPL, r.KLD)
		}
	}
	return nil
}

// tokens describes the text as this model read it; a figure on which models differ becomes 0.
func (r *modelRun) tokens(t report.TextInfo) (tokens, chunks, scored int) {
	chunks = len(r.windows)
	if chunks == 0 {
		return t.Tokens, t.Windows, t.Scored
	}
	n := len(r.windows[0])
	tokens, scored = chunks*n, chunks*(n-1-n/2)
	if t.Windows != 0 && t.Windows != chunks {
		return 0, 0, 0
	}
	return tokens, chunks, scored
}
