package quantize

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// Mix is a choice of types, kept so that they need not be measured again.
type Mix struct {
	Format string            `json:"format"` // which the metadata name
	Types  map[string]string `json:"types"`  // by tensor
}

// Mix is the plan's choice of types; nil when the format decides.
func (p *Plan) Mix() *Mix {
	if p.Options.chosen == nil {
		return nil
	}
	m := &Mix{Format: p.Format.Name, Types: map[string]string{}}
	for name, t := range p.Options.chosen {
		m.Types[name] = t.String()
	}
	return m
}

// NewMixPlan plans an artifact with the types of a mix, which NewTargetPlan or NewChosenPlan chose from the same
// checkpoint, matrix and options. A nil mix leaves them to the format.
func NewMixPlan(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options, m *Mix) (*Plan, error) {
	if m == nil {
		return NewPlan(c, imatrix, o)
	}
	o.Format, o.chosen = m.Format, map[string]formats.Type{}
	for name, text := range m.Types {
		t, err := formats.ParseType(text)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		o.chosen[name] = t
	}
	return NewPlan(c, imatrix, o)
}
