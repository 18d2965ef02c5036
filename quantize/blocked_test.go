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
	if err := p.CheckEncoders(); err != nil {
		t.Errorf("all types have encoders or are kept: %v", err)
	}
	p.Tensors = append(p.Tensors, Planned{Tensor: formats.Tensor{Name: "b", Type: formats.Q8_K, Shape: []int64{256, 1}}, Source: formats.F32})
	var blocked *BlockedError
	if err := p.CheckEncoders(); !errors.As(err, &blocked) || !strings.Contains(err.Error(), "TEST: 1 tensor (b) would be Q8_K") {
		t.Errorf("a type of activations only: %v", err)
	}
}

// A format that has no type for the model's rows is no reason against the others.
func TestFormatsWithoutSubstituteAreBlocked(t *testing.T) {
	var blocked *BlockedError
	_, err := NewPlan(small(576, formats.BF16), nil, Options{Format: "Q1_0"})
	if !errors.As(err, &blocked) || len(blocked.Tensors) != 15 || blocked.Tensors[0] != "token_embd.weight" {
		t.Errorf("%v, want one that names 15 matrices, all but the output", err)
	}
}
