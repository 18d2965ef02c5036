package prequant

import (
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/safetensors"
)

// FuzzGather: no quantization_config beside no set of tensors makes detection, gathering or reading of rows panic.
func FuzzGather(f *testing.F) {
	cases, _ := groups(f)
	for _, g := range cases {
		var raw []checkpointtest.Raw
		for _, t := range g.Tensors {
			raw = append(raw, checkpointtest.Raw{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: t.Data})
		}
		f.Add([]byte(g.Config), checkpointtest.Safetensors(f, raw))
	}
	f.Fuzz(func(t *testing.T, config, data []byte) {
		file, err := safetensors.Parse("fuzz", data)
		if err != nil {
			return
		}
		s, _, err := Resolve(config, file.Tensors)
		if err != nil {
			return
		}
		list, _, err := Gather(s, file.Tensors)
		if err != nil {
			return
		}
		for _, x := range list {
			if x.Matrix == nil {
				continue
			}
			if rows, cols := x.Matrix.Shape(); rows > 0 && cols > 0 && cols < 1<<20/rows {
				x.Matrix.Rows(make([]float32, rows*cols), 0, rows)
			}
		}
	})
}
