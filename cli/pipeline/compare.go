package pipeline

import (
	"context"
	"errors"
	"math"
	"os"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/infer"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/quantize"
)

// sampleWindows are enough to tell by how much a method reduces the divergence.
const sampleWindows = 4

// compareMethods measures what the encoders make of every format, from files that are removed again: over the windows
// that the format was measured on, or, unless Options.CompareMethods asks for it, over a few of them. What an earlier
// run has measured needs no file.
func (j *job) compareMethods(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	if in.provenance.Method == "" || j.source.Engine == nil {
		return nil
	}
	v := j.evaluation("evaluate references of " + j.name)
	v.Order = j.order()
	v.Candidates = []Candidate{{Step: "evaluate-source", Key: key("evaluate", in.provenance.Source, "", j.tokens),
		Model: j.source.Engine}}
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
		rows = append(rows, &m.Artifacts[i])
		v.Candidates = append(v.Candidates, Candidate{Step: "evaluate-reference-" + a.word(),
			Key: key("evaluate reference", in.provenance.Source, in.provenance.Imatrix, a.key, j.tokens),
			Make: func() (*infer.Model, error) {
				path, _, _, _ := feedbackFiles(j.path(a.file))
				model, err := j.reference(ctx, in, a.Plan, path)
				if err != nil {
					return nil, err
				}
				files, models = append(files, path), append(models, model)
				return model.Engine, nil
			}})
	}
	if len(rows) == 0 {
		return nil
	}
	counts := []int{0}
	for _, r := range rows {
		n := len(r.WindowKLD)
		if !j.o.CompareMethods {
			n = min(n, sampleWindows)
		}
		counts = append(counts, n)
	}
	v.Until = exactly(counts...)
	results, err := v.Run(ctx)
	if err != nil {
		return err
	}
	for i, x := range results[1:] {
		rows[i].Reference = referenceOf(rows[i].Text, x)
	}
	return nil
}

// referenceOf is the encoders' divergence over all of an artifact's windows, given it over some of them: the artifact's
// own, times the ratio of the two over those. Its standard error is that of the ratio's logarithm over windows.
func referenceOf(artifact, encoders score.Text) *report.Reference {
	n := len(encoders.WindowKLD)
	if n == len(artifact.WindowKLD) {
		return &report.Reference{KLD: encoders.KLD, KLDSE: encoders.KLDSE, PPL: encoders.PPL, SameTop: encoders.SameTop}
	}
	own := map[int]float64{}
	for i, k := range artifact.WindowKLD {
		own[artifact.Window(i)] = k
	}
	var logs []float64
	var theirs, ours float64
	for i, k := range encoders.WindowKLD {
		o := own[encoders.Window(i)]
		theirs, ours = theirs+k, ours+o
		logs = append(logs, math.Log(k/o))
	}
	kld := artifact.KLD * theirs / ours
	if !(kld > 0) || math.IsInf(kld, 0) {
		return nil
	}
	se := 0.0
	if n > 1 {
		se = kld * stat.StdErr(stat.StdDev(logs, nil), float64(n))
	}
	return &report.Reference{KLD: kld, KLDSE: se, Windows: n}
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
