package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"bitmill/cli/steps"
	"bitmill/eval/diff"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/formats/checkpoint"
	"bitmill/quantize"
)

// tensorErrors is what the store remembers of one artifact: an error per quantized tensor.
type tensorErrors struct {
	Names    []string     `json:"names"`
	Errors   score.Series `json:"errors"`
	Weighted int          `json:"weighted"` // tensors
	Sampled  int          `json:"sampled"`
}

// errors fills in how far every artifact's tensors are from the source's. Artifacts that an earlier run judged are not
// read again; the others take one pass over the source together.
func (r *modelRun) errors(ctx context.Context, m *report.Model) error {
	imatrix, err := r.imatrix.Hash()
	if err != nil {
		return err
	}
	all := make([]tensorErrors, len(r.artifacts))
	keys := make([]string, len(r.artifacts))
	var missing []int
	for i, a := range r.artifacts {
		var err error
		if keys[i], err = steps.Key(quantize.FormatVersion, "errors", r.hash, a.sha256, imatrix); err != nil {
			return err
		}
		rec, ok := r.store.Done("errors-"+a.plan.Format.Name, keys[i])
		if !ok || json.Unmarshal(rec.Data, &all[i]) != nil || len(all[i].Names) != len(all[i].Errors) {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if err := r.measureErrors(ctx, missing, all); err != nil {
			return err
		}
	}
	for _, i := range missing {
		if _, err := r.store.Save("errors-"+r.artifacts[i].plan.Format.Name, keys[i], nil, all[i]); err != nil {
			return err
		}
	}
	fillErrors(m, r.source.Checkpoint, all)
	return nil
}

func (r *modelRun) measureErrors(ctx context.Context, missing []int, all []tensorErrors) error {
	var made []*checkpoint.Checkpoint
	for _, i := range missing {
		c, err := Session{}.Open(filepath.Join(r.store.Dir, r.artifacts[i].path))
		if err != nil {
			return err
		}
		defer c.Close()
		made = append(made, c)
	}
	p := r.Events.Begin("errors "+r.name, "values")
	o := diff.RelativeOptions{Pass: checkpoint.Pass{Threads: r.Threads, Progress: p.Set}}
	if r.imatrix != nil {
		o.Weights = func(name string) []float32 {
			if e, ok := r.imatrix.Entry(name); ok {
				return e.Weights()
			}
			return nil
		}
	}
	e, err := diff.Relative(ctx, r.source.Checkpoint, made, o)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	p.Done()
	for k, i := range missing {
		t := tensorErrors{Weighted: e.Weighted, Sampled: e.Sampled}
		for n, x := range e.Relative[k] {
			if !math.IsNaN(x) {
				t.Names = append(t.Names, r.source.Tensors[n].Name)
				t.Errors = append(t.Errors, fiveDigits(x))
			}
		}
		all[i] = t
	}
	return nil
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
		m.TensorNote = fmt.Sprintf("Columns count by the imatrix in %d of %d tensors; in the others all count alike.", weighted, len(m.TensorNames))
	}
	if sampled > 0 {
		m.TensorNote += fmt.Sprintf(" Of %d large tensors, rows spread evenly over the tensor were measured, about four million values of each.", sampled)
	}
}
