package checkpointtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Uneven writes two folders with the case's model, of architecture llama and two layers: in one the second layer has
// half the heads and half the feed-forward width, in the other zeros in their place, so that both are the same model.
func (c *Case) Uneven(t testing.TB) (half, whole string) {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal(c.Config, &config); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"num_attention_heads", "num_key_value_heads", "intermediate_size"} {
		n := int(config[key].(float64))
		config[key] = []int{n, n / 2}
	}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var halves, zeroed []Raw
	for _, r := range c.Raws() {
		if !strings.Contains(r.Name, "layers.1.") || len(r.Shape) < 2 {
			halves, zeroed = append(halves, r), append(zeroed, r)
			continue
		}
		rows, cols := r.Shape[0], r.Shape[1]
		small, zero := r, r
		if !strings.Contains(r.Name, "o_proj") && !strings.Contains(r.Name, "down_proj") {
			small.Shape, small.Data = []int64{rows / 2, cols}, r.Data[:rows*cols] // of two bytes each
		} else {
			small.Shape, small.Data, zero.Data = []int64{rows, cols / 2}, nil, slices.Clone(r.Data)
			for row := range rows {
				small.Data = append(small.Data, r.Data[row*cols*2:][:cols]...)
				clear(zero.Data[row*cols*2+cols:][:cols])
			}
		}
		halves, zeroed = append(halves, small), append(zeroed, zero)
	}
	half, whole = t.TempDir(), c.Folder(t)
	WriteFile(t, half, "config.json", data)
	WriteFile(t, half, "model.safetensors", Safetensors(t, halves))
	WriteFile(t, whole, "model.safetensors", Safetensors(t, zeroed))
	return half, whole
}
