package oracle

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"bitmill/formats/checkpoint"
)

// slot is a weight buffer in the backend's memory. Weights are decoded straight into it, layer after layer.
type slot struct {
	tensor *tensors.Tensor
	flat   []float32
}

func (o *Oracle) slot(name string, dims ...int) (*slot, error) {
	key := fmt.Sprint(name, dims)
	if s := o.slots[key]; s != nil {
		return s, nil
	}
	buffer, flat, err := o.backend.NewSharedBuffer(0, shapes.Make(dtypes.Float32, dims...))
	if err != nil {
		return nil, err
	}
	values, ok := flat.([]float32)
	if !ok {
		return nil, fmt.Errorf("the backend gave %T for float32", flat)
	}
	t, err := tensors.FromBuffer(buffer)
	if err != nil {
		return nil, err
	}
	s := &slot{tensor: t, flat: values}
	o.slots[key] = s
	return s, nil
}

// load decodes rows [first, first+rows) of a tensor into its slot.
func (o *Oracle) load(name string, t *checkpoint.Tensor, first, rows int64, dims ...int) (*tensors.Tensor, error) {
	s, err := o.slot(name, dims...)
	if err != nil {
		return nil, err
	}
	if err := t.Floats(s.flat, first, rows); err != nil {
		return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return s.tensor, nil
}

// release frees a tensor's memory now instead of at some later collection. Freeing twice is harmless, and its error is
// of no use.
func release(t *tensors.Tensor) {
	if t != nil && t.Ok() {
		_ = t.FinalizeAll()
	}
}
