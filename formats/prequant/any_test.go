package prequant

import (
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/formats/safetensors"
)

// Tensors of any type and shape, their data as long as that makes them, give an error or a matrix that can be read.
func TestAnyShapes(t *testing.T) {
	cases, _ := groups(t)
	r := rand.New(rand.NewPCG(1, 2))
	dtypes := []string{"I32", "F16", "F32", "I64", "U8", "I8", "F8_E4M3", "F8_E8M0"}
	sizes := map[string]int64{"I32": 4, "U32": 4, "F16": 2, "BF16": 2, "F32": 4, "I64": 8}
	read, refused := 0, 0
	for _, g := range cases {
		for range 300 {
			x := g
			x.Tensors = slices.Clone(g.Tensors)
			c := &x.Tensors[r.IntN(len(x.Tensors))]
			c.Shape = slices.Clone(c.Shape)
			if r.IntN(3) == 0 {
				c.DType = dtypes[r.IntN(len(dtypes))]
			}
			switch {
			case r.IntN(3) == 0 || len(c.Shape) == 0:
				c.Shape = make([]int64, r.IntN(4))
				for i := range c.Shape {
					c.Shape[i] = int64(r.IntN(40))
				}
			default:
				c.Shape[r.IntN(len(c.Shape))] = int64(r.IntN(70))
			}
			c.Data = make([]byte, c.Elements()*max(1, sizes[c.DType]))
			for i := range c.Data {
				c.Data[i] = byte(r.Uint32()) >> (r.Uint32() % 8)
			}
			if !readAll(x) {
				refused++
				continue
			}
			read++
		}
	}
	if read == 0 || refused == 0 {
		t.Errorf("%d were read, %d refused", read, refused)
	}
}

// readAll reads every matrix that a group gives; false when it is refused.
func readAll(g group) bool {
	s, err := ParseScheme(g.Config)
	if err != nil {
		return false
	}
	list, _, err := Gather(s, append([]safetensors.Tensor(nil), g.Tensors...))
	if err != nil {
		return false
	}
	for _, x := range list {
		if x.Matrix != nil {
			rows, cols := x.Matrix.Shape()
			x.Matrix.Rows(make([]float32, rows*cols), 0, rows)
		}
	}
	return true
}
