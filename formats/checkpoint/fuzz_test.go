package checkpoint

import (
	"testing"
	"unicode/utf8"

	"bitmill/formats/checkpoint/checkpointtest"
)

// Any config.json parses to a plausible model or fails; a plan of it does not panic.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(llama31))
	f.Add([]byte(qwen25))
	f.Add([]byte(`{"model_type": "qwen3", "rope_parameters": {"rope_type": "yarn", "factor": 1e300}, "sliding_window": [1]}`))
	for _, name := range checkpointtest.Names() {
		f.Add([]byte(checkpointtest.Load(f, name).Config))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, fam, err := parseConfig(data)
		if err != nil {
			return
		}
		c, _, err := h.config(fam)
		if err != nil || c.Layers > 64 {
			return
		}
		total := int64(0)
		for _, e := range fam.tensors(&c) {
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
		converted(h, fam, &c, nameOnly(h.NameOrPath, "x", size{total: total}), 0)
	})
}

// A model card holds anything at all.
func FuzzCard(f *testing.F) {
	f.Add("---\nlicense: mit\ntags:\n- a\n- 'b''c'\nlanguage: [en, de]\nbase_model:\nx: |\n  y\n---\n", "org/Base-7b1-chat-v1.0", int64(7e9))
	f.Fuzz(func(t *testing.T, text, id string, parameters int64) {
		a := new(about)
		a.fromCard(parseCard(text), parameters)
		a.fromNames(id, "folder", size{total: parameters})
		if a.Name == "" {
			t.Fatal("there is no name")
		}
		if utf8.ValidString(text) && utf8.ValidString(id) && !utf8.ValidString(a.Name+a.Basename+a.License) {
			t.Fatalf("%+v breaks characters", a)
		}
	})
}
