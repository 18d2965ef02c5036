package quantize

import (
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/quantize/encode"
)

// weigh marks the tensors that have weights in the importance matrix. It checks that the matrix belongs to this model
// and that every type that needs weights has them, and returns warnings.
// Blocks that predict further tokens never have any: a text does not run through them.
func weigh(p *Plan, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix) (warnings []string, err error) {
	used := map[string]bool{}
	var bare, missing, foreign, predicting []string
	for i := range p.Tensors {
		t := &p.Tensors[i]
		if !t.Converted() {
			if imatrix != nil && t.Source.Quantized() {
				used[t.Name] = true
			}
			continue
		}
		if e, ok := entry(imatrix, t.Name); ok {
			used[t.Name] = true
			switch want := t.Cols() * t.Matrices(); {
			case int64(len(e.SumSquares)) == want:
				if err := finiteWeights(e); err != nil {
					return nil, err
				}
				t.Weighted = true
			case roleOf(t.Name) != Embedding: // llama-quantize uses no weights for the token table
				foreign = append(foreign, fmt.Sprintf("%s: %d columns, not %d", t.Name, len(e.SumSquares), want))
			}
		}
		switch {
		case t.Weighted:
		case needsImatrix(t, p.Format) && !(imatrix == nil && p.Options.AssumeImatrix):
			if missing = append(missing, t.Name); c.Predicts(t.Name) {
				predicting = append(predicting, t.Name)
			}
		case c.Predicts(t.Name):
		case imatrix != nil && t.Type.Quantized() && t.Role&(Output|Embedding) == 0:
			bare = append(bare, t.Name)
		}
	}
	switch {
	case len(foreign) > 0:
		return nil, fmt.Errorf("%s: the importance matrix belongs to another model: its sizes differ for %s",
			p.Format.Name, listed(foreign))
	case len(missing) > 0 && imatrix == nil:
		return nil, &BlockedError{p.subject(), missing, "cannot be encoded this small " +
			"without an importance matrix: calibrate first, then pass the matrix with --imatrix"}
	case len(missing) > 0 && len(missing) == len(predicting):
		return nil, &BlockedError{p.subject(), missing, "cannot be encoded this small without importance weights, which " +
			"blocks that predict further tokens do not have: make the file from the Hugging Face folder with --no-mtp, or give " +
			"them larger types with --tensor-type"}
	case len(missing) > 0:
		return nil, &BlockedError{p.subject(), missing, "cannot be encoded this small without importance weights, " +
			"and the matrix has none for them: was it made from this model, and did the text reach every expert?"}
	}
	if len(bare) > 0 {
		warnings = append(warnings, fmt.Sprintf("the importance matrix has no weights for %s", listed(bare)))
	}
	return append(warnings, unknownEntries(p, imatrix, used)...), nil
}

// unknownEntries warns about entries of the matrix whose name is not a tensor of the model.
func unknownEntries(p *Plan, imatrix *imatrix.Matrix, used map[string]bool) []string {
	if imatrix == nil {
		return nil
	}
	known := map[string]bool{}
	for _, t := range p.Tensors {
		known[t.Name] = true
	}
	var names []string
	for _, e := range imatrix.Entries {
		if !used[e.Name] && !known[e.Name] {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the importance matrix has weights for %s that the model lacks", listed(names))}
}

// needsImatrix reports whether the encoder works only with importance weights, or the result would be garbage without
// them (llama-quantize's list).
func needsImatrix(t *Planned, f *Format) bool {
	if encode.NeedsImportance(t.Type) {
		return true
	}
	spared := t.Name == "output.weight" || roleOf(t.Name) == Embedding
	switch t.Type {
	case formats.IQ1_M, formats.IQ2_S, formats.IQ3_XXS:
		return !spared
	case formats.Q2_K:
		return !spared && f.Name == "Q2_K_S"
	}
	return false
}

func entry(imatrix *imatrix.Matrix, name string) (*imatrix.Entry, bool) {
	if imatrix == nil {
		return nil, false
	}
	return imatrix.Entry(name)
}

func finiteWeights(e *imatrix.Entry) error {
	for i, w := range e.Weights() {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("the importance matrix holds %v for %s, column %d: calibrate again", w, e.Name, i)
		}
	}
	return nil
}
