package arch

import (
	"fmt"
	"slices"

	"bitmill/formats/gguf"
)

// ernie4MoE (ERNIE 4.5 21B-A3B and 300B-A47B) is ernie4 with experts in some layers, chosen by softmax with a
// correction for balance, and experts for all tokens.
var ernie4MoE = family{
	Type: "ernie4_5_moe", Arch: "ernie4_5-moe",
	Context: 131072, KVHeads: 4, Tied: true,
	Theta: 500000,
	Eps:   1e-5,
	Layer: slices.Concat(decoder, qkvBias(useBias), withNeed(outputBias, useBias), ernieBiases, expertStacks,
		sharedExperts, []tensorSpec{
			{HF: "mlp.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
			{HF: "mlp.experts.%d.gate_proj.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
				Need: eachExpert, In: sparse},
			{HF: "mlp.experts.%d.up_proj.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
				Need: eachExpert, In: sparse},
			{HF: "mlp.experts.%d.down_proj.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
				Need: eachExpert, In: sparse},
			{HF: "mlp.moe_statics.e_score_correction_bias", GGUF: "exp_probs_b.bias", Shape: []dim{one, experts},
				In: sparse},
		}),
	Interleaved: true,
	MoE:         true,
	Variant:     Variant{Experts: &Experts{Count: 64, Used: 6, FFN: 1536, Normalize: true}},
	Defaults:    ernie4.Defaults,
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		e, shared := c.Experts, 2
		first, last, every := 1, -1, 1
		for _, k := range []struct{ to, from *int }{
			{&e.Count, h.ErnieExperts}, {&e.Used, h.ErnieUsed}, {&shared, h.ErnieShared}, {&first, h.ErnieStart},
			{&last, h.ErnieEnd}, {&every, h.ErnieInterval},
		} {
			set(k.to, k.from)
		}
		e.Shared = shared * e.FFN
		e.place(c.Layers, func(i int) bool {
			return i >= first && (last == -1 || i <= last) && (i+1)%max(1, every) == 0
		})
		return nil
	},
	Read: func(r *reader, c *Config) {
		first, every := r.int("leading_dense_block_count", 0), r.int("interleave_moe_layer_step", -1)
		if n := r.int("expert_shared_count", 0); c.Experts.Shared == 0 {
			c.Experts.Shared = n * c.Experts.FFN
		}
		c.Experts.place(c.Layers, func(i int) bool {
			_, router := r.tensor(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i))
			return i >= first && (i+1)%max(1, every) == 0 && router
		})
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w := writer{Metadata: m, arch: c.Arch}
		e := c.Experts
		every, first := 1, 1
		set(&every, h.ErnieInterval)
		set(&first, h.ErnieStart)
		for _, key := range []string{"expert_count", "expert_used_count"} { // they come late
			m.Delete(c.Arch + "." + key)
		}
		w.uint("expert_count", e.Count)
		w.uint("expert_used_count", e.Used)
		w.uint("interleave_moe_layer_step", every)
		w.uint("leading_dense_block_count", first)
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
		if e.Shared > 0 {
			w.uint("expert_shared_feed_forward_length", e.Shared)
		}
	},
}

// ernieBiases lists the biases of dense layers and of the experts for all tokens.
var ernieBiases = []tensorSpec{
	{HF: "mlp.gate_proj.bias", GGUF: "ffn_gate.bias", Shape: []dim{ffn}, Need: useBias, In: dense},
	{HF: "mlp.up_proj.bias", GGUF: "ffn_up.bias", Shape: []dim{ffn}, Need: useBias, In: dense},
	{HF: "mlp.down_proj.bias", GGUF: "ffn_down.bias", Shape: []dim{width}, Need: useBias, In: dense},
	{HF: "mlp.shared_experts.gate_proj.bias", GGUF: "ffn_gate_shexp.bias", Shape: []dim{sharedFFN}, Need: useBias,
		In: sparse},
	{HF: "mlp.shared_experts.up_proj.bias", GGUF: "ffn_up_shexp.bias", Shape: []dim{sharedFFN}, Need: useBias, In: sparse},
	{HF: "mlp.shared_experts.down_proj.bias", GGUF: "ffn_down_shexp.bias", Shape: []dim{width}, Need: useBias, In: sparse},
}
