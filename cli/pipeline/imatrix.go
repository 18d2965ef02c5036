package pipeline

import (
	"fmt"

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
			warnings = append(warnings,
				fmt.Sprintf("the calibration text never used %d of %d columns, and %d of %d matrices, of %s",
					c.ZeroColumns, c.Columns, c.Unseen, c.Matrices, c.Name))
		}
	}
	return warnings
}
