package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"bitmill/eval/diff"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/formats/checkpoint"
)

// tensorErrors is what the store remembers of one artifact: an error per quantized tensor.
type tensorErrors struct {
	Names    []string     `json:"names"`
	Errors   score.Series `json:"errors"`
	Weighted int          `json:"weighted"` // tensors
	Sampled  int          `json:"sampled"`
}

// errors sets the relative errors of every artifact's tensors. Artifacts measured by an earlier run are not read again;
// the others share one pass over the source.
func (j *job) errors(ctx context.Context, in inputs, artifacts []*artifact, m *report.Model) error {
	all := make([]tensorErrors, len(artifacts))
	keys := make([]string, len(artifacts))
	var missing []int
	for i, a := range artifacts {
		keys[i] = key("errors", in.provenance.Source, a.sha256, in.provenance.Imatrix)
		rec, ok := j.store.Done("errors-"+a.word(), keys[i])
		if !ok || json.Unmarshal(rec.Data, &all[i]) != nil || len(all[i].Names) != len(all[i].Errors) {
			missing = append(missing, i)
			if err := j.open(a); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		var files []*checkpoint.Checkpoint
		for _, i := range missing {
			files = append(files, artifacts[i].model.Checkpoint)
		}
		found, err := j.measureErrors(ctx, in, files)
		if err != nil {
			return err
		}
		for n, i := range missing {
			all[i] = found[n]
			if err := j.store.Save("errors-"+artifacts[i].word(), keys[i], nil, all[i]); err != nil {
				return err
			}
		}
	}
	fillErrors(m, j.source.Checkpoint, all)
	return nil
}

// measureErrors compares the files with the source.
func (j *job) measureErrors(ctx context.Context, in inputs, files []*checkpoint.Checkpoint) ([]tensorErrors, error) {
	step := j.Events.Begin("errors "+j.name, "values")
	o := diff.RelativeOptions{Pass: checkpoint.Pass{Threads: j.Threads, Progress: step.Set}}
	if in.imatrix != nil {
		o.Weights = func(name string) []float32 {
			if e, ok := in.imatrix.Entry(name); ok {
				return e.Weights()
			}
			return nil
		}
	}
	e, err := diff.Relative(ctx, j.source.Checkpoint, files, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.name, err)
	}
	step.Done()
	list := make([]tensorErrors, len(files))
	for k := range list {
		t := tensorErrors{Weighted: e.Weighted, Sampled: e.Sampled}
		for n, x := range e.Relative[k] {
			if !math.IsNaN(x) {
				t.Names = append(t.Names, j.source.Tensors[n].Name)
				t.Errors = append(t.Errors, fiveDigits(x))
			}
		}
		list[k] = t
	}
	return list, nil
}

// fiveDigits is x as the report keeps it: far finer than anything is read from it.
func fiveDigits(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 5, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// fillErrors puts the errors of all artifacts under one list of names.
func fillErrors(m *report.Model, source *checkpoint.Checkpoint, all []tensorErrors) {
	at := map[string]int{}
	for _, t := range all {
		for _, n := range t.Names {
			at[n] = -1
		}
	}
	for i := range source.Tensors {
		if n := source.Tensors[i].Name; at[n] < 0 {
			at[n] = len(m.TensorNames)
			m.TensorNames = append(m.TensorNames, n)
		}
	}
	weighted, sampled := 0, 0
	for i, t := range all {
		s := make(score.Series, len(m.TensorNames))
		for k := range s {
			s[k] = math.NaN()
		}
		for k, n := range t.Names {
			if p, ok := at[n]; ok && p >= 0 {
				s[p] = t.Errors[k]
			}
		}
		m.Artifacts[i].TensorErrors = s
		weighted, sampled = max(weighted, t.Weighted), max(sampled, t.Sampled)
	}
	if len(m.TensorNames) == 0 {
		return
	}
	m.TensorNote = "All columns count alike."
	if weighted > 0 {
		m.TensorNote = fmt.Sprintf("Columns count by the imatrix in %d of %d tensors; in the others all count alike.",
			weighted, len(m.TensorNames))
	}
	if sampled > 0 {
		m.TensorNote += fmt.Sprintf(" Of %d large tensors, rows spread evenly over the tensor were measured, about "+
			"four million values of each.", sampled)
	}
}
