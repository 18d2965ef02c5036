package arch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/modelcard"
)

const graniteH = `{"model_type": "granitemoehybrid", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
	"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 32, "num_local_experts": 0, "num_experts_per_tok": 0,
	"shared_intermediate_size": 96, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16,
	"layer_types": ["mamba", "attention", "mamba"], "time_step_limit": [0.0, Infinity]%s}`

const nemotron = `{"model_type": "nemotron_h", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4,
	"num_key_value_heads": 2, "head_dim": 16, "vocab_size": 32, "mamba_num_heads": 8, "mamba_head_dim": 16,
	"ssm_state_size": 16, "n_groups": 2, "layer_norm_epsilon": 1e-5, "mlp_hidden_act": "relu2"%s}`

// parsed reads a config.json that must be one of a model.
func parsed(t *testing.T, text string) (*HFConfig, Config, error) {
	t.Helper()
	h, err := ParseHF([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	c, evaluation, err := h.Config()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	h.Metadata(&c, modelcard.FromNames("", "", modelcard.Size{}), formats.BF16)
	return h, c, evaluation
}

// Layers have one name in published files and another in those of transformers 5.
func TestStateSpaceLayers(t *testing.T) {
	mixers := func(text string) (list []Mixer) {
		_, c, err := parsed(t, text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Layers {
			list = append(list, c.OfLayer(i).Mixer)
		}
		return list
	}
	older := fmt.Sprintf(graniteH, "")
	newer := strings.NewReplacer(`"mamba",`, `"linear_attention",`, `"attention"`, `"full_attention"`, `"mamba"]`,
		`"linear_attention"]`, "Infinity", `{"__float__": "Infinity"}`).Replace(older)
	for _, text := range []string{older, newer} {
		if got := mixers(text); !slices.Equal(got, []Mixer{Mamba, Attention, Mamba}) {
			t.Errorf("%s: %v", text, got)
		}
	}
	for more, want := range map[string][]Mixer{
		`, "hybrid_override_pattern": "M-*E", "num_hidden_layers": 4`:                      {Mamba, NoMixer, Attention, NoMixer},
		`, "layers_block_type": ["mamba", "moe"], "num_hidden_layers": 9`:                  {Mamba, NoMixer},
		`, "layers_block_type": ["linear_attention", "full_attention", "mlp"]`:             {Mamba, Attention, NoMixer},
		`, "hybrid_override_pattern": "MM-", "num_hidden_layers": 3, "rope_theta": 10000`:  {Mamba, Mamba, NoMixer},
		`, "hybrid_override_pattern": "M*", "num_hidden_layers": 2, "moe_latent_size": 16`: {Mamba, Attention},
	} {
		if got := mixers(fmt.Sprintf(nemotron, more)); !slices.Equal(got, want) {
			t.Errorf("%s: %v", more, got)
		}
	}
}

// What GGUF has no key for is refused, by its name.
func TestStateSpaceRefusals(t *testing.T) {
	const falcon = `{"model_type": "falcon_h1", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
		"num_attention_heads": 4, "vocab_size": 32, "mamba_d_ssm": 64, "mamba_n_heads": 4, "num_key_value_heads": 2%s}`
	for _, c := range []struct{ text, more, says string }{
		{graniteH, `, "mamba_proj_bias": true`, "mamba_proj_bias"},
		{graniteH, `, "time_step_limit": [0.0, 0.1]`, "time_step_limit"},
		{graniteH, `, "time_step_limit": [0.001, Infinity]`, "time_step_limit"},
		{nemotron, `, "layers_block_type": ["mamba"], "use_bias": true`, "use_bias"},
		{nemotron, `, "layers_block_type": ["mamba", "conv"]`, `of kind "conv"`},
		{nemotron, `, "hybrid_override_pattern": "MX"`, `of kind "X"`},
		{nemotron, `, "layers_block_type": ["mamba"], "mlp_hidden_act": "silu"`, `activation "silu"`},
		{falcon, `, "projectors_bias": true`, "projectors_bias"},
		{falcon, `, "mamba_rms_norm": true`, "mamba_norm_before_gate"},
	} {
		if _, _, err := parsed(t, fmt.Sprintf(c.text, c.more)); !errors.Is(err, formats.ErrUnsupported) ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", c.more, err, c.says)
		}
	}
	for more, says := range map[string]string{`, "mamba_n_heads": 7`: "in 7 heads", `, "mamba_n_groups": 3`: "3 groups",
		`, "mamba_d_state": 0`: "0 states", `, "mamba_n_groups": 0`: "0 groups"} {
		h, err := ParseHF(fmt.Appendf(nil, graniteH, more))
		if err != nil {
			t.Fatal(err)
		}
		if _, evaluation, err := h.Config(); !strings.Contains(fmt.Sprint(evaluation, err), says) {
			t.Errorf("%s: %v, %v", more, evaluation, err)
		}
	}
}
