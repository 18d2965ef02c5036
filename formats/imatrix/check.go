package imatrix

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
)

// Check finds values that would poison a quantizer: sums or counts that are NaN, infinite or negative, and sums that do
// not divide evenly among the counts. The error names the tensor, the matrix and the column.
func (m *Matrix) Check() error {
	for i := range m.Entries {
		e := &m.Entries[i]
		if len(e.Counts) == 0 || len(e.SumSquares) == 0 || len(e.SumSquares)%len(e.Counts) != 0 {
			return fmt.Errorf("%w: imatrix entry %s has %d sums for %d counts", formats.ErrCorrupt, e.Name, len(e.SumSquares),
				len(e.Counts))
		}
		for mat, c := range e.Counts {
			if bad(c) {
				return fmt.Errorf("%w: imatrix entry %s: the count of matrix %d is %v", formats.ErrCorrupt, e.Name, mat, c)
			}
		}
		for j, x := range e.SumSquares {
			if bad(x) {
				return fmt.Errorf("%w: imatrix entry %s: the sum of matrix %d, column %d is %v; "+
					"compute the imatrix again from the unquantized model",
					formats.ErrCorrupt, e.Name, j/e.Cols(), j%e.Cols(), x)
			}
		}
	}
	return nil
}

func bad(x float32) bool {
	return !(x >= 0) || math.IsInf(float64(x), 1)
}

// Coverage counts the columns of a tensor that the calibration text reached.
type Coverage struct {
	Name        string  `json:"name"`
	Matrices    int     `json:"matrices"`     // experts; 1 for a dense tensor
	Unseen      int     `json:"unseen"`       // matrices that no token was routed to
	Columns     int     `json:"columns"`      // of all matrices together
	ZeroColumns int     `json:"zero_columns"` // columns with a sum of zero in matrices that were seen
	MinCount    float32 `json:"min_count"`    // tokens of the least and the most seen matrix
	MaxCount    float32 `json:"max_count"`
}

// Full reports whether every column of every matrix has data.
func (c Coverage) Full() bool { return c.Unseen == 0 && c.ZeroColumns == 0 }

// Coverage lists every entry, in order.
func (m *Matrix) Coverage() []Coverage {
	list, pooled := make([]Coverage, 0, len(m.Entries)), m.pooled()
	for i := range m.Entries {
		e := &m.Entries[i]
		c := Coverage{Name: e.Name, Matrices: len(e.Counts), Columns: len(e.SumSquares)}
		if len(e.Counts) > 0 {
			c.MinCount, c.MaxCount = slices.Min(e.Counts), slices.Max(e.Counts)
		}
		cols := e.Cols()
		for mat, count := range e.Counts {
			if count == 0 || pooled[pooledName(e.Name, mat)] {
				c.Unseen++
				c.MinCount = 0
				continue
			}
			for _, x := range e.SumSquares[mat*cols : (mat+1)*cols] {
				if x == 0 {
					c.ZeroColumns++
				}
			}
		}
		list = append(list, c)
	}
	return list
}
