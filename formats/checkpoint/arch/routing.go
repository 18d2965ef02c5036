package arch

import (
	"cmp"
	"fmt"
	"slices"

	"bitmill/formats"
)

// expertKeys are keys of config.json that few families with experts share.
type expertKeys struct {
	ScoreFunction string   `json:"score_function"`
	ScoreFunc     string   `json:"score_func"`
	NumShared     *int     `json:"num_shared_experts"`
	RouteScale    *float64 `json:"route_scale"`
	RouteNorm     *bool    `json:"route_norm"`
	MLPTypes      []string `json:"mlp_layer_types"`

	ExpertGroups   *int     `json:"num_expert_groups"`
	GlobalEvery    *int     `json:"global_attn_every_n_layers"`
	MuP            bool     `json:"mup_enabled"`
	RotaryDim      *int     `json:"rotary_dim"`
	AttentionTypes []int    `json:"attn_type_list"`
	QKNormType     string   `json:"qk_norm_type"`
	ClipQKV        *float64 `json:"clip_qkv"`

	HunyuanUsed   *int `json:"moe_topk"`
	HunyuanShared *int `json:"num_shared_expert"`

	ErnieExperts  *int `json:"moe_num_experts"`
	ErnieUsed     *int `json:"moe_k"`
	ErnieShared   *int `json:"moe_num_shared_experts"`
	ErnieStart    *int `json:"moe_layer_start_index"`
	ErnieEnd      *int `json:"moe_layer_end_index"`
	ErnieInterval *int `json:"moe_layer_interval"`
}

// sharedExperts lists the expert that runs for every token, as DeepSeek calls it.
var sharedExperts = []tensorSpec{
	{HF: "mlp.shared_experts.gate_proj.weight", GGUF: "ffn_gate_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
	{HF: "mlp.shared_experts.up_proj.weight", GGUF: "ffn_up_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
	{HF: "mlp.shared_experts.down_proj.weight", GGUF: "ffn_down_shexp.weight", Shape: []dim{width, sharedFFN}, In: sparse},
}

// correction is what is added to the scores of experts for their choice.
func correction(hf string, n dim) tensorSpec {
	return tensorSpec{HF: hf, GGUF: "exp_probs_b.bias", Shape: []dim{n}, In: sparse}
}

// set sets a number that config.json may not have.
func set(to *int, from *int) {
	if from != nil {
		*to = *from
	}
}

// routing reads the experts as DeepSeek describes them, and those who followed.
func (h *HFConfig) routing(c *Config, otherwise Gating) error {
	h.experts(c)
	e := c.Experts
	set(&e.Count, h.RoutedExperts)
	set(&e.Dense, h.FirstDense)
	set(&e.Groups, h.Groups)
	set(&e.GroupsUsed, h.GroupsUsed)
	if n := cmp.Or(h.SharedExperts, h.NumShared); n != nil {
		e.Shared = *n * e.FFN
	}
	e.Scale, e.Gating = single(or(h.RoutedScale, 1)), otherwise
	return cmp.Or(h.denseFirst(e), h.gating(e))
}

// denseFirst counts the dense layers that mlp_layer_types lists, which stand before all others.
func (h *HFConfig) denseFirst(e *Experts) error {
	if len(h.MLPTypes) == 0 {
		return nil
	}
	n := slices.IndexFunc(h.MLPTypes, func(s string) bool { return s != "dense" })
	if n < 0 {
		n = len(h.MLPTypes)
	}
	for i, s := range h.MLPTypes {
		if i >= n && s != "sparse" {
			return fmt.Errorf("%w: layer %d is %s behind layers with experts (mlp_layer_types)", formats.ErrUnsupported, i, s)
		}
	}
	if h.FirstDense != nil && *h.FirstDense != n {
		return fmt.Errorf("%w: mlp_layer_types begins with %d dense layers, first_k_dense_replace is %d", formats.ErrCorrupt,
			n, *h.FirstDense)
	}
	e.Dense = n
	return nil
}

// scoring is the function that makes scores of a router's logits, by whichever name config.json has for it.
func (h *HFConfig) scoring() string { return cmp.Or(h.ScoreFunction, h.ScoringFunc, h.ScoreFunc) }

// gating sets the gating that config.json names, if it does.
func (h *HFConfig) gating(e *Experts) error {
	g, ok := map[string]Gating{"": e.Gating, "softmax": SoftmaxAll, "sigmoid": Sigmoid,
		"sqrtsoftplus": SqrtSoftplus}[h.scoring()]
	if !ok {
		return fmt.Errorf("%w: experts scored by %q in model_type %s", formats.ErrUnsupported, h.scoring(), h.family.Type)
	}
	e.Gating = g
	return nil
}

// gatings are in the order of metadata, which counts them from 1.
var gatings = []Gating{SoftmaxAll, Sigmoid, SoftmaxChosen, SqrtSoftplus}

func (g Gating) number() int { return 1 + slices.Index(gatings, g) }

func (w writer) gating(g Gating) { w.uint("expert_gating_func", g.number()) }

// routing reads how experts are chosen and how wide the shared one is. Files that do not tell have the gating
// otherwise.
func (r *reader) routing(c *Config, otherwise Gating) {
	e := c.Experts
	e.Dense = r.int("leading_dense_block_count", 0)
	if n := r.int("expert_shared_count", 0); e.Shared == 0 {
		e.Shared = n * e.FFN
	}
	e.Scale = r.float("expert_weights_scale", 0)
	norm, _, err := r.m.Bool(r.arch + ".expert_weights_norm")
	r.fail(err)
	e.Normalize = norm
	e.Groups, e.GroupsUsed = r.int("expert_group_count", 0), r.int("expert_group_used_count", 0)
	e.Gating = r.gating(c, otherwise)
}

// gating reads how scores are made.
func (r *reader) gating(c *Config, otherwise Gating) Gating {
	switch n := r.int("expert_gating_func", 0); {
	case n == 0:
		return otherwise
	case n <= len(gatings):
		return gatings[n-1]
	default:
		r.fail(fmt.Errorf("%w: metadata key %s.expert_gating_func is %d", formats.ErrUnsupported, c.Arch, n))
		return otherwise
	}
}

// untoldGating is how scores are made in files that do not tell. Models with sigmoids have corrections.
func (r *reader) untoldGating() Gating {
	first := r.int("leading_dense_block_count", 0)
	if _, corrected := r.tensor(fmt.Sprintf("blk.%d.exp_probs_b.bias", first)); corrected {
		return Sigmoid
	}
	return SoftmaxAll
}

// place sets which layers have experts.
func (e *Experts) place(layers int, sparse func(i int) bool) {
	e.Dense, e.Layers = 0, nil
	if layers < 1 || layers > maxLayers {
		return // check tells
	}
	list := make([]bool, layers)
	for i := range list {
		list[i] = sparse(i)
	}
	for e.Dense < layers && !list[e.Dense] {
		e.Dense++
	}
	if slices.Contains(list[e.Dense:], false) {
		e.Layers = list
	}
}
