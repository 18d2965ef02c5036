package arch

import "testing"

// FuzzRead: whatever a key of a file holds, reading ends in a Config that makes a model, or in an error.
func FuzzRead(f *testing.F) {
	for i, key := range []string{"block_count", "nextn_predict_layers", "attention.sliding_window", "rope.scaling.factor",
		"expert_count", "attention.temperature_length", "rope.dimension_sections", "attention.head_count_kv"} {
		for kind := range uint8(6) {
			f.Add(uint8(i), key, kind, int64(i))
		}
	}
	f.Fuzz(func(t *testing.T, number uint8, key string, kind uint8, n int64) {
		of := families[int(number)%len(families)].Arch
		m := smallest(of)
		m.Set(of+".expert_count", uint32(4))
		m.Set(of+".expert_used_count", uint32(2))
		values := []any{uint32(n), int64(n), float32(n), n%2 == 0, []bool{n%2 == 0, true}, []int32{int32(n), 1, 2, 0},
			[]uint32{uint32(n), 1, 2, 3}, "text"}
		m.Set(of+"."+key, values[int(kind)%len(values)])
		c, _, err := Read(m, func(name string) (Values, bool) { return ones{}, name != "rope_freqs.weight" })
		if err == nil {
			err = c.check()
		}
		if err == nil && (c.Layers < 1 || c.Layers > maxLayers || c.WindowLayers != nil && len(c.WindowLayers) != c.Layers) {
			t.Errorf("%+v", c)
		}
	})
}
