package arch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// smallest is the metadata of a small model of an architecture.
func smallest(arch string) *gguf.Metadata {
	m := new(gguf.Metadata)
	m.Set("general.architecture", arch)
	for key, v := range map[string]any{"block_count": uint32(4), "context_length": uint32(512),
		"embedding_length": uint32(64), "feed_forward_length": uint32(128), "attention.head_count": uint32(4),
		"rope.freq_base": float32(5e5), "attention.layer_norm_rms_epsilon": float32(1e-6),
		"attention.layer_norm_epsilon": float32(1e-5)} {
		m.Set(arch+"."+key, v)
	}
	return m
}

// ones stands for any tensor.
type ones struct{}

func (ones) Rows() int64     { return 320 }
func (ones) Elements() int64 { return 320 }
func (ones) Floats(dst []float32, _, _ int64) error {
	for i := range dst {
		dst[i] = 1
	}
	return nil
}

// with is the model after setting keys, in pairs, with only a token_embd.weight and the tensors of those names.
func with(t *testing.T, arch string, pairs []any, tensors ...string) (Config, []string, error) {
	t.Helper()
	m := smallest(arch)
	for i := 0; i < len(pairs); i += 2 {
		m.Set(arch+"."+pairs[i].(string), pairs[i+1])
	}
	return Read(m, func(name string) (Values, bool) {
		return ones{}, name == "token_embd.weight" || slices.Contains(tensors, name)
	})
}

// TestUnreadKeys: what a key means with its value decides whether it may stay unread.
func TestUnreadKeys(t *testing.T) {
	for _, tt := range []struct {
		arch, key string
		v         any
		unread    bool
	}{
		{"llama", "vocab_size", uint32(320), false},
		{"llama", "pooling_type", uint32(3), false},
		{"llama", "attention.causal", true, false},
		{"llama", "attention.causal", false, true},
		{"llama", "attention.sliding_window", uint32(0), false},
		{"llama", "attention.sliding_window", uint32(511), true},
		{"llama", "attention.sliding_window", uint32(512), false},
		{"llama", "attention.sliding_window_pattern", uint32(4), false}, // of no window
		{"llama", "attention.key_length_swa", uint32(8), false},
		{"llama", "attention.scale", float32(0.25), false},
		{"llama", "attention.scale", float32(0.3), true},
		{"llama", "logit_scale", float32(1), false},
		{"llama", "logit_scale", float32(0.5), true},
		{"granite", "logit_scale", float32(0.5), false},
		{"llama", "final_logit_softcapping", float32(0), false},
		{"llama", "final_logit_softcapping", float32(30), true},
		{"llama", "expert_used_count", uint32(2), false}, // of no experts
		{"llama", "rope.dimension_sections", []int32{0, 0, 0, 0}, false},
		{"llama", "rope.dimension_sections", []int32{4, 4, 0, 0}, true},
		{"qwen3", "rope.dimension_sections", []uint32{4, 2, 2, 0}, false},
		{"qwen3", "rope.dimension_sections", []uint32{4, 2, 0, 2}, true},
		{"llama", "rope.scaling.yarn_log_multiplier", float32(0.1), false}, // of no YaRN
		{"llama", "rope.freq_base_swa", float32(1e4), false},
		{"llama", "leading_dense_block_count", uint32(0), false},
		{"llama", "n_deepstack_layers", uint32(3), true},
		{"llama", "something.new", "", true},
		{"llama", "something.new", uint32(0), true},
	} {
		_, unread, err := with(t, tt.arch, []any{tt.key, tt.v})
		if err != nil || slices.Contains(unread, tt.arch+"."+tt.key) != tt.unread || len(unread) > 1 {
			t.Errorf("%s %s of %v: unread %v, %v", tt.arch, tt.key, tt.v, unread, err)
		}
	}
	narrow := []any{"attention.sliding_window", uint32(16), "attention.key_length_swa", uint32(8)}
	if _, unread, err := with(t, "olmo2", narrow); err != nil || len(unread) != 1 {
		t.Errorf("narrow heads in the window: unread %v, %v", unread, err)
	}
}

func TestUnreadReasons(t *testing.T) {
	for _, h := range harmlessKeys {
		if len(h.keys) == 0 || len(strings.Fields(h.reason)) < 3 {
			t.Errorf("%v may stay unread because %q", h.keys, h.reason)
		}
	}
}

// TestWindowsAndBlocks: windows in the layers that a pattern or a list gives, blocks behind the layers left out.
func TestWindowsAndBlocks(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		arch   string
		pairs  []any
		layers int
		list   []bool
	}{
		{"olmo2", nil, 4, nil},
		{"olmo2", []any{"attention.sliding_window", uint32(16)}, 4, []bool{yes, yes, yes, no}},
		{"olmo2", []any{"attention.sliding_window", uint32(16), "attention.sliding_window_pattern", uint32(2)}, 4,
			[]bool{yes, no, yes, no}},
		{"gemma2", []any{"attention.sliding_window_pattern", []bool{no, no, yes, yes}}, 4, []bool{no, no, yes, yes}},
		{"gemma3", []any{"attention.sliding_window", uint32(16), "nextn_predict_layers", uint32(1),
			"attention.sliding_window_pattern", []bool{no, yes, no, yes}}, 3, []bool{no, yes, no}},
		{"llama", []any{"nextn_predict_layers", uint32(3)}, 1, nil},
	} {
		c, unread, err := with(t, tt.arch, tt.pairs)
		if err != nil || unread != nil || c.Layers != tt.layers || c.NextN != 4-tt.layers ||
			!slices.Equal(c.WindowLayers, tt.list) {
			t.Errorf("%s %v: %d layers, windows in %v; %v %v", tt.arch, tt.pairs, c.Layers, c.WindowLayers, unread, err)
		}
	}
	for _, n := range []uint32{4, 5, 1 << 20} {
		if _, _, err := with(t, "gemma2", []any{"nextn_predict_layers", n}); err == nil {
			t.Errorf("a model with %d more blocks than layers was accepted", n)
		}
	}
}

// TestGating: files of the first models with sigmoids do not tell.
func TestGating(t *testing.T) {
	latent := []any{"expert_count", uint32(4), "expert_used_count", uint32(2), "attention.kv_lora_rank", uint32(32),
		"attention.key_length", uint32(48), "attention.key_length_mla", uint32(32), "attention.value_length_mla", uint32(16),
		"attention.head_count_kv", uint32(1), "rope.dimension_count", uint32(16), "leading_dense_block_count", uint32(1)}
	for _, tt := range []struct {
		name    string
		more    []any
		tensors []string
		want    Gating
		fails   bool
	}{
		{"nothing tells", nil, nil, SoftmaxAll, false},
		{"corrections tell", nil, []string{"blk.1.exp_probs_b.bias"}, Sigmoid, false},
		{"the key tells", []any{"expert_gating_func", uint32(2)}, nil, Sigmoid, false},
		{"the key tells more", []any{"expert_gating_func", uint32(1)}, []string{"blk.1.exp_probs_b.bias"}, SoftmaxAll, false},
		{"of the chosen", []any{"expert_gating_func", uint32(3)}, nil, SoftmaxChosen, false},
		{"of DeepSeek V4", []any{"expert_gating_func", uint32(4)}, nil, SqrtSoftplus, false},
		{"before latents had matrices of their own", nil, []string{"blk.0.attn_kv_b.weight"}, SoftmaxAll, true},
		{"unknown", []any{"expert_gating_func", uint32(5)}, nil, SoftmaxAll, true},
	} {
		c, _, err := with(t, "deepseek2", slices.Concat(latent, tt.more), tt.tensors...)
		if errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if (err != nil) != tt.fails || c.Experts.Gating != tt.want {
			t.Errorf("%s: %v, %v", tt.name, c.Experts, err)
		}
	}
}

// TestRopeScalingOfOldFiles: the factor without a type is that of linear scaling.
func TestRopeScalingOfOldFiles(t *testing.T) {
	for _, tt := range []struct {
		pairs   []any
		scaling string
		factor  float64
	}{
		{[]any{"rope.scale_linear", float32(4)}, "linear", 4},
		{[]any{"rope.scaling.factor", float32(4)}, "linear", 4},
		{[]any{"rope.scaling.factor", float32(2), "rope.scale_linear", float32(4)}, "linear", 2},
		{[]any{"rope.scaling.factor", float32(4), "rope.scaling.type", "none"}, "", 0},
		{[]any{"rope.scale_linear", float32(1)}, "", 0},
		{[]any{"rope.scale_linear", float32(0)}, "", 0},
		{[]any{"rope.scale_linear", float32(8), "rope.scaling.type", "yarn"}, "yarn", 8},
	} {
		c, unread, err := with(t, "llama", tt.pairs)
		if err != nil || unread != nil || c.Rope.Scaling != tt.scaling || c.Rope.Factor != tt.factor {
			t.Errorf("%v: scaling %q by %v; %v %v", tt.pairs, c.Rope.Scaling, c.Rope.Factor, unread, err)
		}
	}
	for _, pairs := range [][]any{
		{"rope.scaling.factor", float32(-1)},
		{"rope.scaling.factor", float32(4), "rope.scaling.type", "longrope"},
		{"rope.scaling.type", "yarn", "rope.scaling.yarn_ext_factor", float32(0.5)},
		{"rope.scaling.type", "dynamic"},
	} {
		if c, _, err := with(t, "llama", pairs); err == nil {
			t.Errorf("%v: taken as %+v", pairs, c.Rope)
		}
	}
}

// TestOldExpertWidths: files from before the widths of experts had keys.
func TestOldExpertWidths(t *testing.T) {
	count := []any{"expert_count", uint32(8), "expert_used_count", uint32(4)}
	told := []any{"expert_feed_forward_length", uint32(48), "expert_shared_feed_forward_length", uint32(96)}
	for _, tt := range []struct {
		arch             string
		pairs            []any
		ffn, sharedWidth int
	}{
		{"qwen2moe", count, 32, 128},
		{"qwen2moe", slices.Concat(count, told), 48, 96},
	} {
		c, unread, err := with(t, tt.arch, tt.pairs)
		if err != nil || unread != nil || c.Experts.FFN != tt.ffn || c.Experts.Shared != tt.sharedWidth {
			t.Errorf("%s %v: %+v, %v %v", tt.arch, tt.pairs, c.Experts, unread, err)
		}
	}
	if c, _, err := with(t, "qwen3moe", count); err != nil || c.Experts.FFN != 32 || c.Experts.Shared != 0 {
		t.Errorf("qwen3moe: %+v, %v", c.Experts, err)
	}
}

// TestContradictions: files without an epsilon, and norms that contradict the key, are not taken.
func TestContradictions(t *testing.T) {
	m := smallest("llama")
	m.Delete("llama.attention.layer_norm_rms_epsilon")
	if _, _, err := Read(m, func(name string) (Values, bool) { return ones{}, name == "token_embd.weight" }); err == nil ||
		!strings.Contains(err.Error(), "llama.attention.layer_norm_rms_epsilon") {
		t.Errorf("without an epsilon: %v", err)
	}
	for _, parallel := range []bool{true, false} {
		for _, tensors := range [][]string{{"blk.0.ffn_norm.weight"}, nil} {
			_, _, err := with(t, "stablelm", []any{"use_parallel_residual", parallel}, tensors...)
			if (err != nil) != (parallel == (tensors != nil)) {
				t.Errorf("parallel %v with %v: %v", parallel, tensors, err)
			}
		}
	}
}

// TestLocalBase: layers with a window rotate from a base of their own, scaled like the others, YaRN's ramp included.
func TestLocalBase(t *testing.T) {
	yarn := []any{"rope.scaling.type", "yarn", "rope.scaling.factor", float32(4), "rope.freq_base_swa", float32(100),
		"attention.sliding_window", uint32(16), "rope.scaling.original_context_length", uint32(64)}
	c, unread, err := with(t, "gemma2", yarn)
	if err != nil || unread != nil || c.LocalRope == nil || c.LocalRope.Base != 100 || c.LocalRope.Factor != 4 ||
		slices.Equal(c.LocalRope.Factors, c.Rope.Factors) || len(c.LocalRope.Factors) != len(c.Rope.Factors) {
		t.Errorf("%+v beside %+v, %v %v", c.LocalRope, c.Rope, unread, err)
	}
	same := []any{"rope.freq_base_swa", float32(5e5)}
	if c, _, err := with(t, "gemma2", same); err != nil || c.LocalRope != nil {
		t.Errorf("the same base: %+v, %v", c.LocalRope, err)
	}
}
