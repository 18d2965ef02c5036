package pipeline

import (
	"context"
	"fmt"

	"bitmill/calibrate"
	"bitmill/formats/imatrix"
)

// OpenImatrix opens an importance matrix; an empty path gives none.
func OpenImatrix(path string) (*imatrix.Matrix, error) {
	if path == "" {
		return nil, nil
	}
	m, err := imatrix.Open(path)
	if err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ZeroColumns says which importance weights are zero because the calibration text never used their columns.
func ZeroColumns(m *imatrix.Matrix) (warnings []string) {
	if m == nil {
		return nil
	}
	for _, c := range m.Coverage() {
		if !c.Full() {
			warnings = append(warnings, fmt.Sprintf("the calibration text never used %d of %d columns, and %d of %d matrices, of %s",
				c.ZeroColumns, c.Columns, c.Unseen, c.Matrices, c.Name))
		}
	}
	return warnings
}

// Calibrate runs the text through the model.
func (s Session) Calibrate(ctx context.Context, m *Model, text string, o calibrate.Options, context, chunks int) (*imatrix.Matrix, error) {
	windows, err := m.Windows(o.Dataset, text, context, chunks)
	if err != nil {
		return nil, err
	}
	pool := s.Pool()
	defer pool.Close()
	step := s.Events.Begin("calibrate "+ModelName(m.Path), "windows")
	o.Progress = step.Set
	x, err := calibrate.Run(ctx, pool, m.Engine, windows, o)
	if err != nil {
		return nil, err
	}
	step.Done()
	return x, nil
}
