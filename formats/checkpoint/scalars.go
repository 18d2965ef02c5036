package checkpoint

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/store"
)

// takeScalars puts the values of tensors that are numbers of the model's Config there and returns the other tensors.
func (c *Checkpoint) takeScalars(h *arch.HFConfig, list []source) ([]source, error) {
	numbers := h.Scalars(&c.Config)
	if numbers == nil {
		return list, nil
	}
	var err error
	list = slices.DeleteFunc(list, func(s source) bool {
		to, ok := numbers[s.name]
		if !ok || err != nil {
			return false
		}
		delete(numbers, s.name)
		size := s.typ.BlockBytes()
		if s.data == nil || len(s.data) != size || s.typ.BlockLen() != 1 {
			err = fmt.Errorf("tensor %s: %w: its shape is %v, the model wants one number", s.name, formats.ErrCorrupt, s.shape)
			return false
		}
		release, errHold := store.Hold(s.data)
		if err = errHold; err != nil {
			return false
		}
		defer release()
		value := []float32{0}
		err = block.Decode(s.typ, value, s.data)
		*to = value[0]
		return true
	})
	var missing []string
	for name := range numbers {
		missing = append(missing, name)
	}
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: the checkpoint is incomplete: it has no tensor %s", formats.ErrCorrupt, some(missing))
	}
	return list, err
}
