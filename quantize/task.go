package quantize

import (
	"errors"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// task is one source tensor with all encodings that it is written in.
type task struct {
	tensor    *checkpoint.Tensor
	index     int // in file order
	cols      int64
	rows      int64 // of all matrices
	perMatrix int64 // rows of one matrix: experts have importance weights of their own
	step      int64 // rows of a slab
	flat      bool  // every value counts as a row
	sourceRow int64 // bytes
	entry     *imatrix.Entry
	weights   []float32 // of entry, while the task is being worked on
	encodings []encoding
	given     func(tensor string) []byte // chosen data; may be nil
	use       []int                      // per artifact, the index of its encoding; -1 for none
}

// encoding is one type in which a tensor is written.
type encoding struct {
	typ      formats.Type
	weighted bool
	row      int64  // bytes
	data     []byte // the whole tensor in this encoding, when a donor holds it
}

// slabRows is the number of rows of the slab that starts at first; a slab stays within a matrix.
func (t *task) slabRows(first int64) int64 { return min(t.step, t.perMatrix-first%t.perMatrix) }

// size is the number of bytes of the tensor in the source.
func (t *task) size() int64 { return t.rows * t.sourceRow }

// newTasks gathers the encodings of each tensor that all artifacts want.
func newTasks(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, artifacts []Artifact) ([]*task, error) {
	if len(artifacts) == 0 {
		return nil, errors.New("quantize: nothing to write")
	}
	plans := make([]*Plan, len(artifacts))
	for i, a := range artifacts {
		plans[i] = a.Plan
		if a.Plan == nil || len(a.Plan.Tensors) != len(c.Tensors) {
			return nil, fmt.Errorf("%s: the plan was made for another checkpoint", a.Path)
		}
		if a.Plan.Options.AssumeImatrix && imatrix == nil {
			return nil, fmt.Errorf("%s: the plan assumes an importance matrix; "+
				"calibrate and plan again with the matrix", a.Path)
		}
		if err := a.Plan.CheckEncoders(); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Path, err)
		}
	}
	var tasks []*task
	for i := range c.Tensors {
		t, err := newTask(c, imatrix, plans, i)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

func newTask(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, plans []*Plan, i int) (*task, error) {
	source := &c.Tensors[plans[0].Tensors[i].index]
	if !source.HasData() {
		return nil, fmt.Errorf("tensor %s has no data: the model was opened from a bare config.json, "+
			"which is enough for a plan only", source.Name)
	}
	row, err := source.Type.RowBytes(source.Cols())
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", source.Name, err)
	}
	t := &task{
		tensor:    source,
		index:     i,
		cols:      source.Cols(),
		rows:      source.Rows(),
		perMatrix: source.Rows() / max(1, source.Matrices()),
		sourceRow: row,
	}
	for _, p := range plans {
		want := p.Tensors[i]
		if want.Name != source.Name || want.Source != source.Type || want.Elements() != source.Elements() {
			return nil, fmt.Errorf("tensor %s: the plan was made for another checkpoint", source.Name)
		}
		if err := t.add(want); err != nil {
			return nil, err
		}
		if want.Weighted && t.entry == nil {
			e, ok := entry(imatrix, want.Name)
			if !ok || int64(len(e.SumSquares)) != t.cols*source.Matrices() {
				return nil, fmt.Errorf("tensor %s: the plan was made with another importance matrix", want.Name)
			}
			t.entry = e
		}
	}
	return t, nil
}

// add makes sure that the tensor is encoded as wanted, and notes the encoding for the next artifact.
func (t *task) add(want Planned) error {
	row, err := want.Type.RowBytes(t.cols)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", want.Name, err)
	}
	e := encoding{typ: want.Type, weighted: want.Weighted, row: row}
	for i := range t.encodings {
		if x := &t.encodings[i]; x.typ == e.typ && x.weighted == e.weighted {
			t.use = append(t.use, i)
			return nil
		}
	}
	t.use = append(t.use, len(t.encodings))
	t.encodings = append(t.encodings, e)
	return nil
}
