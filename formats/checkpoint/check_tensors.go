package checkpoint

import (
	"errors"
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
)

// TensorsError lists the tensors of the architecture that are missing, or whose shapes are not those that the metadata
// calls for. It is an ErrCorrupt.
type TensorsError struct {
	Shapes  []WrongShape
	Missing []string // names
}

// WrongShape is a tensor whose shape is not the expected one.
type WrongShape struct{ Tensor, Text string }

func (w WrongShape) String() string { return "tensor " + w.Tensor + ": " + w.Text }

func (e *TensorsError) Error() string {
	switch {
	case len(e.Shapes) == 1:
		return e.Shapes[0].String()
	case len(e.Shapes) > 1:
		return fmt.Sprintf("%s; %d more have another shape than the metadata calls for", e.Shapes[0], len(e.Shapes)-1)
	}
	return fmt.Sprintf("%v: the file is incomplete: it has no tensor %s", formats.ErrCorrupt, some(e.Missing))
}

// Is makes errors.Is(err, formats.ErrCorrupt) true.
func (e *TensorsError) Is(target error) bool { return target == formats.ErrCorrupt }

// checkTensors checks that every tensor of the architecture is there with its shape.
func (c *Checkpoint) checkTensors() error {
	list, err := c.Config.Tensors()
	if err != nil {
		return err
	}
	var e TensorsError
	for _, want := range list {
		t, ok := c.Tensor(want.GGUF)
		if !ok {
			if want.Need.Always() && !c.replaced(want.GGUF) {
				e.Missing = append(e.Missing, want.GGUF)
			}
			continue
		}
		cols, rows := want.Shape[len(want.Shape)-1], int64(1)
		for _, d := range want.Shape[:len(want.Shape)-1] {
			rows *= d
		}
		if t.Cols() != cols || t.Rows() != rows {
			e.Shapes = append(e.Shapes, WrongShape{t.Name,
				fmt.Sprintf("%v: its shape is %v, the metadata calls for [%d %d]", formats.ErrCorrupt, t.Shape, cols, rows)})
		}
	}
	if e.Shapes == nil && e.Missing == nil {
		return nil
	}
	return &e
}

// UnexpectedTensors lists the tensors of a GGUF file that its architecture does not have; nil when the architecture is
// unknown.
func (c *Checkpoint) UnexpectedTensors() (names []string) {
	list, err := c.Config.Tensors()
	if err != nil || c.ConfigErr != nil && !errors.As(c.ConfigErr, new(*TensorsError)) {
		return nil
	}
	known := map[string]bool{"rope_freqs.weight": true}
	for _, e := range list {
		known[e.GGUF] = true
		for _, other := range insteadOf(e.GGUF) {
			known[other] = true
		}
	}
	for i := range c.Tensors {
		name := c.Tensors[i].Name
		if !known[name] && !known[scaled(name)] && !strings.HasPrefix(name, "rope_factors_") && !c.idle(name) {
			names = append(names, name)
		}
	}
	return names
}

// scaled is the matrix whose products a tensor scales; the name as it is when it scales none.
func scaled(name string) string {
	if matrix, ok := strings.CutSuffix(name, ".scale"); ok {
		return matrix + ".weight"
	}
	return name
}

// idle reports whether a tensor of a GGUF file takes no part in the model's output.
func (c *Checkpoint) idle(name string) bool {
	if strings.HasSuffix(name, ".input_scale") || strings.Contains(name, ".attn_rot_embd") {
		return true // for engines that quantize activations to NVFP4; a table of RoPE that is computed here
	}
	return c.Predicts(name)
}

// Predicts reports whether a tensor belongs to a block that predicts further tokens, which the forward pass leaves out.
func (c *Checkpoint) Predicts(name string) bool {
	block := formats.LayerOf(name)
	return c.Config.NextN > 0 && block >= c.Config.Layers && block < c.Config.Layers+c.Config.NextN
}

// Understood fails with formats.ErrUnsupported when a GGUF file has a metadata key of its architecture or a tensor that
// may change what the model computes and that neither Config nor a forward pass has read. bound tells which tensors a
// forward pass has read.
func (c *Checkpoint) Understood(bound func(name string) bool) error {
	if len(c.unreadKeys) > 0 {
		return arch.UnknownError("metadata key", c.unreadKeys)
	}
	var unread []string
	for i := range c.Tensors {
		t := &c.Tensors[i]
		if t.Source == t.Name && !c.read[t.Name] && !bound(t.Name) && !c.idle(t.Name) {
			unread = append(unread, t.Name)
		}
	}
	if len(unread) > 0 {
		return arch.UnknownError("tensor", unread)
	}
	return nil
}
