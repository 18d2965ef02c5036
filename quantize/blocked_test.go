package quantize

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
)

func TestPlansWithoutEncoderAreNotWritable(t *testing.T) {
	p := &Plan{Format: &Format{Name: "TEST"}, Tensors: []Planned{
		{Tensor: formats.Tensor{Name: "a", Type: formats.Q8_0, Shape: []int64{256, 1}}, Source: formats.F32},
		{Tensor: formats.Tensor{Name: "kept", Type: formats.Q8_K, Shape: []int64{256, 1}}, Source: formats.Q8_K},
	}}
	if err := p.Writable(); err != nil {
		t.Errorf("all types have encoders or are kept: %v", err)
	}
	p.Tensors = append(p.Tensors, Planned{Tensor: formats.Tensor{Name: "b", Type: formats.Q8_K, Shape: []int64{256, 1}}, Source: formats.F32})
	var blocked *BlockedError
	if err := p.Writable(); !errors.As(err, &blocked) || !strings.Contains(err.Error(), "TEST: 1 tensor (b) would be Q8_K") {
		t.Errorf("a type of activations only: %v", err)
	}
}
