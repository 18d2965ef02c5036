package quantize

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bitmill/formats/imatrix"
)

// SelectWeights reduces an importance matrix to the entries whose name contains one of include, or none of exclude; one
// of the lists must be empty. A part that no name contains is an error. imatrix is not changed; without
// lists it is returned itself.
func SelectWeights(imatrix *imatrix.Matrix, include, exclude []string) (*imatrix.Matrix, error) {
	parts := append(slices.Clone(include), exclude...)
	switch {
	case len(parts) == 0:
		return imatrix, nil
	case imatrix == nil:
		return nil, errors.New("there is no importance matrix to choose weights from: pass one with --imatrix, " +
			"or leave out --include-weights and --exclude-weights")
	case len(include) > 0 && len(exclude) > 0:
		return nil, errors.New("give --include-weights or --exclude-weights, not both")
	}
	used := make([]bool, len(parts))
	m := *imatrix
	m.Entries = nil
	for _, e := range imatrix.Entries {
		found := false
		for i, part := range parts {
			if strings.Contains(e.Name, part) {
				found, used[i] = true, true
			}
		}
		if found == (len(include) > 0) {
			m.Entries = append(m.Entries, e)
		}
	}
	for i, ok := range used {
		if !ok {
			return nil, fmt.Errorf("no entry name of the importance matrix contains %q", parts[i])
		}
	}
	if len(m.Entries) == 0 {
		return nil, errors.New("every entry of the importance matrix is excluded: leave the matrix out instead")
	}
	return &m, nil
}
