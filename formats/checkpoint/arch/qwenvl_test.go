package arch

import (
	"fmt"
	"testing"

	"bitmill/formats"
	"bitmill/formats/modelcard"
)

const sizesVL = `"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4, "head_dim": 16,
	"num_key_value_heads": 4, "vocab_size": 99, "moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2,
	"rope_scaling": {"type": "mrope", "mrope_section": [4, 2, 2]}`

func TestImageKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		config string
		layers any
	}{
		"listed": {`{"model_type": "qwen3_vl", "text_config": {` + sizesVL + `}, "vision_config": {"deepstack_visual_indexes":
			[5, 11]}}`, uint32(2)},
		"none":           {`{"model_type": "qwen3_vl_moe", "text_config": {` + sizesVL + `}, "vision_config": {"deepstack_visual_indexes": []}}`, uint32(0)},
		"not listed":     {`{"model_type": "qwen3_vl", "text_config": {` + sizesVL + `}, "vision_config": {}}`, uint32(3)},
		"no vision":      {`{"model_type": "qwen3_vl", "text_config": {` + sizesVL + `}}`, uint32(3)},
		"decoder alone":  {`{"model_type": "qwen3_vl_text", ` + sizesVL + `}`, uint32(0)},
		"with sound":     {`{"model_type": "qwen3_omni_moe", "thinker_config": {"text_config": {` + sizesVL + `}}}`, uint32(0)},
		"without layers": {`{"model_type": "qwen2_5_vl", ` + sizesVL + `}`, nil},
	} {
		h, err := ParseHF([]byte(tt.config))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, evaluation, err := h.Config()
		if err != nil || evaluation != nil {
			t.Errorf("%s: %v, %v", name, err, evaluation)
			continue
		}
		m := h.Metadata(&c, modelcard.FromNames("", "", modelcard.Size{}), formats.BF16)
		if n, _ := m.Get(c.Arch + ".n_deepstack_layers"); n != tt.layers {
			t.Errorf("%s: n_deepstack_layers is %v, want %v", name, n, tt.layers)
		}
		if s, _ := m.Get(c.Arch + ".rope.dimension_sections"); fmt.Sprint(s) != "[4 2 2 0]" {
			t.Errorf("%s: dimension_sections is %v", name, s)
		}
	}
}

// Experts are stacked by columns where the shape of a matrix says so; where it does not, the other matrix decides.
func TestNoteShape(t *testing.T) {
	for _, tt := range []struct {
		ffn          string
		down, gateUp []int64
		want         Need
		what         string
	}{
		{"32", []int64{4, 32, 64}, []int64{4, 64, 64}, fusedColumns, "as published"},
		{"32", []int64{4, 64, 32}, []int64{4, 64, 64}, fusedExperts, "as transformers makes them"},
		{"64", []int64{4, 64, 64}, []int64{4, 64, 128}, fusedColumns, "square, as published"},
		{"64", []int64{4, 64, 64}, []int64{4, 128, 64}, fusedExperts, "square, as transformers makes them"},
	} {
		config := `{"model_type": "qwen3_vl_moe", "text_config": {` + sizesVL + `, "moe_intermediate_size": ` + tt.ffn + `}}`
		h, err := ParseHF([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := h.Config()
		if err != nil {
			t.Fatal(err)
		}
		down, gateUp := "model.language_model.layers.0.mlp.experts.down_proj", "model.language_model.layers.0.mlp.experts.gate_up_proj"
		h.Names(&c, []string{down, gateUp})
		h.NoteShape(&c, down, tt.down)
		h.NoteShape(&c, gateUp, tt.gateUp)
		if h.stacking != tt.want {
			t.Errorf("%s: stacking %d, want %d", tt.what, h.stacking, tt.want)
		}
	}
}
