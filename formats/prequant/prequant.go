// Package prequant reads the matrices of checkpoints that are quantized already. Such a matrix is stored as a group of
// tensors (codes, scales, zero points), which become one matrix [out][in]; its rows are computed in float32 when they
// are read. quantization_config in config.json and the tensors' names say how a group is stored:
//
//	fp8, fbgemm_fp8, modelopt, none   X.weight F8 | X.weight_scale or X.weight_scale_inv
//	compressed-tensors                X.weight F8 or I8 | X.weight_scale
//	compressed-tensors                X.weight_packed | X.weight_scale | X.weight_shape
//	gptq                              X.qweight | X.qzeros | X.scales | X.g_idx
//	awq                               X.qweight | X.qzeros | X.scales
//	bitnet                            X.weight U8 | X.weight_scale
package prequant

import (
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// Matrix is a matrix whose rows are computed when they are read. Its methods may be called concurrently.
type Matrix interface {
	Shape() (rows, cols int64)
	// Rows writes n rows from row first on; len(dst) is n times the columns.
	Rows(dst []float32, first, n int64)
	// Stored is the data that the rows are computed from.
	Stored() [][]byte
}

// stored is what all kinds of matrices have: the shape, and the data that the rows are computed from.
type stored struct {
	rows, cols int64
	data       [][]byte
}

func (m *stored) Shape() (rows, cols int64) { return m.rows, m.cols }

func (m *stored) Stored() [][]byte { return m.data }

// Tensor is a tensor of a checkpoint. It has either Data or a Matrix; with a Matrix, DType is the type that its values
// are meant to be rounded to.
type Tensor struct {
	safetensors.Tensor
	Matrix    Matrix
	Quantized bool // the Matrix was stored quantized
}

// Gather makes one tensor of every group. All other tensors stay as they are and in their order, as do matrices whose
// codes have the matrix's own name; those under other names come last, as in llama.cpp's converter. kind says in a few
// words how the matrices are quantized; it is empty when none is. Scales of activations are left out. An error names
// the file and the tensor.
func Gather(s Scheme, list []safetensors.Tensor) (all []Tensor, kind string, err error) {
	g := gatherer{scheme: s, tensors: map[string]*safetensors.Tensor{}, used: map[string]bool{}}
	for i := range list {
		g.tensors[list[i].Name] = &list[i]
	}
	made := make([]*Tensor, len(list))
	for i := range list {
		if made[i], err = g.matrix(&list[i]); err != nil {
			return nil, "", fmt.Errorf("%s: tensor %s: %w", list[i].File, list[i].Name, err)
		}
	}
	var last []Tensor
	for i, m := range made {
		t := &list[i]
		switch {
		case m != nil && m.Name == t.Name:
			all = append(all, *m)
		case m != nil:
			last = append(last, *m)
		case !g.used[t.Name]:
			all = append(all, Tensor{Tensor: *t})
		}
	}
	return append(all, last...), g.kind, nil
}

// gatherer puts groups together.
type gatherer struct {
	scheme  Scheme
	tensors map[string]*safetensors.Tensor
	used    map[string]bool // names of tensors that are part of a matrix
	kind    string
}

// matrix makes the matrix whose codes are t; nil when t holds no codes.
func (g *gatherer) matrix(t *safetensors.Tensor) (*Tensor, error) {
	var m Matrix
	var err error
	name := t.Name
	stem, words := strings.CutSuffix(t.Name, ".qweight")
	short, ints := strings.CutSuffix(t.Name, "_packed")
	switch method := g.scheme.Method; {
	case words && method == "gptq":
		name = stem + ".weight"
		m, err = g.gptq(t, stem)
	case words && method == "awq":
		name = stem + ".weight"
		m, err = g.awq(t, stem)
	case words:
		err = fmt.Errorf("%w: it looks like GPTQ or AWQ, but config.json has no quantization_config that says which",
			formats.ErrUnsupported)
	case ints && method == "compressed-tensors":
		name = short
		m, err = g.compressed(t, short)
	case strings.HasPrefix(t.DType, "F8_") && !strings.Contains(t.Name, "_scale"):
		m, err = g.bytes(t)
	case t.DType == "I8" && method == "compressed-tensors" && strings.HasSuffix(t.Name, ".weight"):
		m, err = g.bytes(t)
	case t.DType == "U8" && method == "bitnet" && g.tensors[t.Name+"_scale"] != nil:
		m, err = g.ternary(t)
	case g.scheme.Online && linear(t):
		return g.rounded(t)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, ok := g.tensors[name]; ok && name != t.Name {
		return nil, fmt.Errorf("%w: there is a tensor %s too", formats.ErrCorrupt, name)
	}
	g.used[t.Name] = true
	rows, cols := m.Shape()
	return &Tensor{safetensors.Tensor{Name: name, DType: "F32", Shape: []int64{rows, cols}, File: t.File}, m, true}, nil
}

// part finds a tensor of the group by name and checks its type and shape; nil when it is not there.
func (g *gatherer) part(name string, dtypes []string, shape ...int64) (*safetensors.Tensor, error) {
	t := g.tensors[name]
	if t == nil {
		return nil, nil
	}
	if err := checkType(t, dtypes); err != nil {
		return nil, err
	}
	if !same(t.Shape, shape) {
		return nil, fmt.Errorf("%w: %s has the shape %v, not %v", formats.ErrCorrupt, name, t.Shape, shape)
	}
	g.used[name] = true
	return t, nil
}

// need is like part, for a tensor that must be there.
func (g *gatherer) need(name string, dtypes []string, shape ...int64) (*safetensors.Tensor, error) {
	t, err := g.part(name, dtypes, shape...)
	if t == nil && err == nil {
		err = fmt.Errorf("%w: its tensor %s is missing", formats.ErrCorrupt, name)
	}
	return t, err
}

// describe keeps the first description of how matrices are quantized.
func (g *gatherer) describe(format string, args ...any) {
	if g.kind == "" {
		g.kind = fmt.Sprintf(format, args...)
	}
}
