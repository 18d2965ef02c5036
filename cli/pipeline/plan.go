package pipeline

import (
	"cmp"
	"fmt"

	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
	"bitmill/quantize"
)

// NewPlan plans and, when strict, refuses what is otherwise a warning.
func NewPlan(c *checkpoint.Checkpoint, m *imatrix.Matrix, o quantize.Options, strict bool) (*quantize.Plan, error) {
	p, err := quantize.NewPlan(c, m, o)
	if err != nil || !strict {
		return p, err
	}
	return p, CheckStrict(p, m)
}

// CheckStrict refuses what is otherwise a warning.
func CheckStrict(p *quantize.Plan, m *imatrix.Matrix) error {
	var fell []string
	reason := ""
	for _, t := range p.Tensors {
		if t.Fallback {
			fell = append(fell, t.Name)
			reason = cmp.Or(reason, t.Reason)
		}
	}
	if fell != nil {
		return &quantize.BlockedError{Format: p.Format.Name, Tensors: fell,
			Why: fmt.Sprintf("do not fit the format (%s), which --strict forbids", reason)}
	}
	if w := append(ZeroColumns(m), p.Warnings...); len(w) > 0 {
		return fmt.Errorf("%s: %s, which --strict forbids", p.Format.Name, w[0])
	}
	return nil
}
