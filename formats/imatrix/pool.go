package imatrix

import (
	"fmt"
	"slices"

	"bitmill/formats/gguf"
)

// KeyPooled is the metadata key of the matrices, as "NAME EXPERT", that no token reached and Pool gave a prior.
const KeyPooled = "bitmill.imatrix.pooled"

// Pool gives every matrix that no token reached the mean of the other matrices of its tensor, as if one average token
// had reached it: a quantizer then weights the columns of an unseen expert as its siblings use them. Extra lists these
// matrices; Coverage still counts them as unseen.
func (m *Matrix) Pool() {
	m.hash = ""
	var pooled []string
	for i := range m.Entries {
		e := &m.Entries[i]
		var total float64
		for _, c := range e.Counts {
			total += float64(c)
		}
		if total == 0 || !slices.Contains(e.Counts, 0) {
			continue
		}
		cols := e.Cols()
		mean := make([]float32, cols)
		for j := range mean {
			sum := 0.0
			for mat := range e.Counts {
				sum += float64(e.SumSquares[mat*cols+j])
			}
			mean[j] = float32(sum / total)
		}
		for mat, c := range e.Counts {
			if c == 0 {
				copy(e.SumSquares[mat*cols:], mean)
				e.Counts[mat] = 1
				pooled = append(pooled, pooledName(e.Name, mat))
			}
		}
	}
	if pooled != nil {
		if m.Extra == nil {
			m.Extra = new(gguf.Metadata)
		}
		m.Extra.Set(KeyPooled, pooled)
	}
}

// pooled is the set of matrices that have a prior.
func (m *Matrix) pooled() map[string]bool {
	if m.Extra == nil {
		return nil
	}
	names, _, err := m.Extra.Strings(KeyPooled)
	if err != nil {
		return nil
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

func pooledName(tensor string, mat int) string { return fmt.Sprintf("%s %d", tensor, mat) }
