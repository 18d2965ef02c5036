package cli

import (
	"math"

	"bitmill/eval/diff"
	"bitmill/formats/gguf"
)

// diffResult is the JSON form of a difference.
type diffResult struct {
	A        string       `json:"a"`
	B        string       `json:"b"`
	Equal    bool         `json:"equal"`
	Metadata diffMetadata `json:"metadata"`
	Tensors  diffTensors  `json:"tensors"`
}

type diffMetadata struct {
	Common int        `json:"common"`
	OnlyA  []string   `json:"only_a"`
	OnlyB  []string   `json:"only_b"`
	Differ []diffKey  `json:"differ"`
	Order  *diff.Swap `json:"order"` // null: the same
}

type diffKey struct {
	Key   string `json:"key"`
	TypeA string `json:"type_a"`
	TypeB string `json:"type_b"`
	A     string `json:"a"` // shortened
	B     string `json:"b"`
	At    *int   `json:"at,omitempty"` // the first element that differs
}

type diffTensors struct {
	Common int          `json:"common"`
	OnlyA  []string     `json:"only_a"`
	OnlyB  []string     `json:"only_b"`
	Differ []diffTensor `json:"differ"`
	Order  *diff.Swap   `json:"order"`
}

// diffTensor holds null for figures that are undefined or were not computed.
type diffTensor struct {
	Name      string   `json:"name"`
	TypeA     string   `json:"type_a"`
	TypeB     string   `json:"type_b"`
	ShapeA    []int64  `json:"shape_a"`
	ShapeB    []int64  `json:"shape_b"`
	Bytes     bool     `json:"bytes_differ"`
	Differing *int64   `json:"values_differ"`
	NotFinite int64    `json:"not_finite"`
	MaxAbs    *float64 `json:"max_abs"`
	Relative  *float64 `json:"relative_rmse"`
	Cosine    *float64 `json:"cosine"`
}

func newDiffResult(pathA, pathB string, d *diff.Difference) diffResult {
	r := diffResult{A: pathA, B: pathB, Equal: d.Equal(),
		Metadata: diffMetadata{d.Keys, nonNil(d.KeysOnlyA), nonNil(d.KeysOnlyB), []diffKey{}, d.KeyOrder},
		Tensors:  diffTensors{d.Tensors, nonNil(d.TensorsOnlyA), nonNil(d.TensorsOnlyB), []diffTensor{}, d.TensorOrder}}
	for _, k := range d.KeysDiffer {
		row := diffKey{Key: k.Name, TypeA: gguf.TypeName(k.A), TypeB: gguf.TypeName(k.B), A: shorten(k.A),
			B: shorten(k.B)}
		if k.At >= 0 {
			row.At = &k.At
		}
		r.Metadata.Differ = append(r.Metadata.Differ, row)
	}
	for _, t := range d.TensorsDiffer {
		row := diffTensor{Name: t.Name, TypeA: t.A.Type.String(), TypeB: t.B.Type.String(), ShapeA: t.A.Shape,
			ShapeB: t.B.Shape, Bytes: t.Bytes, NotFinite: t.Value.NotFinite}
		if v := t.Value; v.Known && !t.Shape {
			row.Differing, row.MaxAbs = &v.Differing, &v.MaxAbs
			row.Relative, row.Cosine = defined(v.Relative), defined(v.Cosine)
		}
		r.Tensors.Differ = append(r.Tensors.Differ, row)
	}
	return r
}

func defined(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}
