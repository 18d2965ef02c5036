package checkpoint

import (
	"testing"

	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/modelcard"
)

// Any config.json parses to a plausible model or fails; a plan of it does not panic.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(llama31))
	f.Add([]byte(qwen25))
	f.Add([]byte(`{"model_type": "qwen3", "rope_parameters": {"rope_type": "yarn", "factor": 1e300}, "sliding_window": [1]}`))
	f.Add([]byte(`{"model_type": "gemma2", "num_hidden_layers": 4, "layer_types": true, "hidden_size": 256, "vocab_size": 1,
		"num_attention_heads": 8, "intermediate_size": 1}`))
	f.Add([]byte(`{"model_type": "gemma4", "num_hidden_layers": 0, "hidden_size": 0, "vocab_size": 0, "num_attention_heads": 0,
		"intermediate_size": 0}`))
	for _, name := range checkpointtest.Names() {
		f.Add([]byte(checkpointtest.Load(f, name).Config))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := arch.ParseHF(data)
		if err != nil {
			return
		}
		c, _, err := h.Config()
		if err != nil || c.Layers > 64 {
			return
		}
		total := int64(0)
		for _, e := range h.Tensors(&c) {
			n := int64(1)
			for _, d := range e.Shape {
				n *= d
			}
			if n < 1 {
				t.Fatalf("%s has shape %v", e.GGUF, e.Shape)
			}
			total += n
		}
		if total < 1 {
			t.Fatalf("%d parameters", total)
		}
		h.Metadata(&c, modelcard.FromNames(h.NameOrPath, "x", modelcard.Size{Total: total}), 0)
	})
}
