package lora

import (
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// FuzzAdapter: no adapter_config.json and no adapter_model.safetensors makes opening, merging or reading panic.
func FuzzAdapter(f *testing.F) {
	dir := f.TempDir()
	var raw []checkpointtest.Raw
	for _, s := range append(pairOf("model.x", 6, 4, 2), pairOf("model.embed", 5, 4, 2)...) {
		raw = append(raw, checkpointtest.Raw{Name: s.Name, DType: s.DType, Shape: s.Shape, Data: s.Data})
	}
	weights := checkpointtest.Safetensors(f, raw)
	f.Add([]byte(plainConfig), weights)
	f.Add([]byte(`{"peft_type": "LORA", "r": 8, "lora_alpha": 3, "use_rslora": true, "modules_to_save": ["model"],
		"rank_pattern": {"x": 2}, "alpha_pattern": {"^model.x": 1e308}, "init_lora_weights": 1, "use_dora": []}`), weights)
	f.Fuzz(func(t *testing.T, config, weights []byte) {
		for name, data := range map[string][]byte{configName: config, weightsName: weights} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		a, err := Open(dir)
		if err != nil {
			return
		}
		defer a.Close()
		a.Rename(func(name string) (string, bool) { return name, true })
		list, _ := a.Untie(model(), "model.embed.weight", "lm_head.weight")
		if err := a.Merge(list); err != nil {
			return
		}
		for _, x := range list {
			if x.Matrix == nil {
				continue
			}
			if rows, cols := x.Matrix.Shape(); rows > 0 && cols > 0 && cols < 1<<16/rows {
				x.Matrix.Rows(make([]float32, rows*cols), 0, rows)
			}
		}
	})
}
