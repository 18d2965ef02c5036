// Package imatrix reads and writes importance matrices, the calibration statistics of llama.cpp ("imatrix"): for every
// weight matrix, and every expert of a mixture, the sum of the squared activations per input column and the number of
// tokens in the sum.
package imatrix

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// Matrix is an importance matrix.
type Matrix struct {
	Datasets   []string // paths of the calibration texts
	Windows    int      // windows of text evaluated
	WindowSize int      // tokens in a window; 0: unknown (legacy files)
	Entries    []Entry  // sorted by name
	Legacy     bool     // read from a legacy file: Counts are calls rather than tokens

	// Extra holds further keys, written after the four of llama.cpp (general.type, imatrix.datasets,
	// imatrix.chunk_count, imatrix.chunk_size); nil when there are none.
	Extra *gguf.Metadata
	// Ignored names the tensors of the file that are neither sums nor counts; they are not written again.
	Ignored []string

	hash string // of Encode; empty until Hash finds it
}

// Entry holds the sums of one tensor of the model, which has mats matrices (experts) of cols columns.
type Entry struct {
	Name       string
	SumSquares []float32 // mats x cols: sum over tokens of x*x
	Counts     []float32 // tokens, one per matrix; or a single one for all matrices
}

// Cols is the number of columns that share a count.
func (e *Entry) Cols() int {
	if len(e.Counts) == 0 {
		return 0
	}
	return len(e.SumSquares) / len(e.Counts)
}

// Weights is the mean of the squared activations per column: SumSquares/Count, matrix by matrix, with the rounding of
// llama-quantize (float32 division, the count rounded to an integer). A matrix that no token reached gets ones.
func (e *Entry) Weights() []float32 {
	w := make([]float32, len(e.SumSquares))
	cols := e.Cols()
	for mat, c := range e.Counts {
		count := float32(math.Round(float64(c)))
		for i := mat * cols; i < (mat+1)*cols; i++ {
			if count > 0 {
				w[i] = e.SumSquares[i] / count
			} else {
				w[i] = 1
			}
		}
	}
	return w
}

// Entry finds the entry of a tensor.
func (m *Matrix) Entry(name string) (*Entry, bool) {
	i, ok := slices.BinarySearchFunc(m.Entries, name,
		func(e Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return nil, false
	}
	return &m.Entries[i], true
}

// sort puts the entries in order; a name that occurs twice is an error.
func (m *Matrix) sort() error {
	slices.SortFunc(m.Entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for i := range m.Entries {
		if i > 0 && m.Entries[i].Name == m.Entries[i-1].Name {
			return fmt.Errorf("%w: imatrix entry %s occurs twice", formats.ErrCorrupt, m.Entries[i].Name)
		}
	}
	return nil
}
