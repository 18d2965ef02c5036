package imatrix

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
)

// Check finds values that would poison a quantizer: sums or counts that are NaN, infinite or negative, and sums that do
// not divide evenly among the counts. The error names the tensor, the matrix and the column.
func (m *Matrix) Check() error {
	for i := range m.Entries {
		e := &m.Entries[i]
		if len(e.Counts) == 0 || len(e.SumSquares) == 0 || len(e.SumSquares)%len(e.Counts) != 0 {
			return fmt.Errorf("%w: imatrix entry %s has %d sums for %d counts", formats.ErrCorrupt, e.Name, len(e.SumSquares), len(e.Counts))
		}
		for mat, c := range e.Counts {
			if bad(c) {
				return fmt.Errorf("%w: imatrix entry %s: the count of matrix %d is %v", formats.ErrCorrupt, e.Name, mat, c)
			}
		}
		for j, x := range e.SumSquares {
			if bad(x) {
				return fmt.Errorf("%w: imatrix entry %s: the sum of matrix %d, column %d is %v; compute the imatrix again from the unquantized model",
					formats.ErrCorrupt, e.Name, j/e.Cols(), j%e.Cols(), x)
			}
		}
	}
	return nil
}

func bad(x float32) bool {
	return !(x >= 0) || math.IsInf(float64(x), 1)
}

// Coverage says how much of a tensor the calibration text reached.
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

// Match compares the matrix with the tensors of a model. missing are the matrices of the blocks (blk.*.weight, two or
// more dimensions) without an entry; unknown are the entries without a tensor. err says that an entry's size is not
// its tensor's: the imatrix was made from another model.
func (m *Matrix) Match(tensors []formats.Tensor) (missing, unknown []string, err error) {
	known := make(map[string]bool, len(tensors))
	for _, t := range tensors {
		known[t.Name] = true
		e, ok := m.Entry(t.Name)
		if !ok {
			if isWeight(t) {
				missing = append(missing, t.Name)
			}
			continue
		}
		// A sum per column of every matrix: the dimensions but the second, which are the rows of one matrix.
		want, mats := t.Cols(), int64(1)
		for _, d := range t.Shape[min(2, len(t.Shape)):] {
			mats *= d
		}
		if int64(len(e.SumSquares)) != want*mats || (len(e.Counts) != 1 && int64(len(e.Counts)) != mats) {
			return nil, nil, fmt.Errorf("imatrix entry %s has %d sums and %d counts, but the tensor has %d matrices of %d columns: the imatrix belongs to another model",
				t.Name, len(e.SumSquares), len(e.Counts), mats, want)
		}
	}
	for i := range m.Entries {
		if !known[m.Entries[i].Name] {
			unknown = append(unknown, m.Entries[i].Name)
		}
	}
	return missing, unknown, nil
}

// isWeight reports whether a calibration run can meet the tensor: a matrix that multiplies activations. The token
// embedding is looked up, not multiplied; output.weight is left out by llama-imatrix unless asked for.
func isWeight(t formats.Tensor) bool {
	return len(t.Shape) >= 2 && strings.HasPrefix(t.Name, "blk.") && strings.HasSuffix(t.Name, ".weight")
}
