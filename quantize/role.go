package quantize

import (
	"strings"

	"bitmill/formats"
)

// Role is a tensor's part in the model, as far as recipes tell parts apart. Roles are bits, so that a rule can name
// several.
type Role uint16

const (
	Output    Role = 1 << iota // output.weight; the token table too when the model has no output.weight
	Embedding                  // token_embd.weight, per_layer_token_embd.weight
	Query
	Key
	Value
	QKV // queries, keys and values fused
	KVB // keys and values expanded from a latent (MLA)
	Attention
	Up
	Gate
	Down
	Other

	// values are the tensors that hold attention values, which llama.cpp's recipes treat alike as sensitive.
	values = Value | QKV | KVB
	ffn    = Up | Gate | Down
	every  = Other<<1 - 1
)

// roles names the roles. A tensor has the first one whose part its name contains; Output and Embedding go by whole
// names. Expert tensors (ffn_up_exps ...) and shared experts (ffn_up_shexp ...) fall under the plain ones.
var roles = []struct {
	role       Role
	name, part string
}{
	{Output, "output", ""},
	{Embedding, "token_embd", ""},
	{Query, "attn_q", "attn_q.weight"},
	{Key, "attn_k", "attn_k.weight"},
	{Value, "attn_v", "attn_v.weight"},
	{QKV, "attn_qkv", "attn_qkv.weight"},
	{KVB, "attn_kv_b", "attn_kv_b.weight"},
	{Attention, "attn_output", "attn_output.weight"},
	{Up, "ffn_up", "ffn_up"},
	{Gate, "ffn_gate", "ffn_gate"},
	{Down, "ffn_down", "ffn_down"},
	{Other, "other", ""},
}

// String names the role as tensors are named.
func (r Role) String() string {
	var names []string
	for _, n := range roles {
		if r&n.role != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, "|")
}

func roleOf(name string) Role {
	switch name {
	case "output.weight":
		return Output
	case "token_embd.weight", "per_layer_token_embd.weight":
		return Embedding
	}
	for _, r := range roles {
		if r.part != "" && strings.Contains(name, r.part) {
			return r.role
		}
	}
	return Other
}

// keptParts are parts of the names of matrices that keep their type (llama.cpp's list): they are small, or read in ways
// that blocks do not suit.
var keptParts = []string{
	"_norm.weight",
	"ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", // expert routers
	"altup", "laurel", "per_layer_model_proj",
	"ssm_conv1d", "shortconv.conv.weight",
	"indexer.k_proj.weight", "indexer.q_proj.weight",
	"time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", // RWKV
	"time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight",
	"time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
	"time_mix_g1.weight", "time_mix_g2.weight",
	"time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight",
	"attn_rel_b.weight",
	".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger", // vision
	"a.rvq.codebook", "mm.a.code_embd", // audio
}

// quantizable reports whether a format may change the tensor's type: matrices whose name ends in "weight", except
// the kept ones.
func quantizable(t formats.Tensor) bool {
	if t.Dims() < 2 || !strings.HasSuffix(t.Name, "weight") {
		return false
	}
	if t.Name == "position_embd.weight" || t.Name == "token_types.weight" {
		return false
	}
	for _, part := range keptParts {
		if strings.Contains(t.Name, part) {
			return false
		}
	}
	return true
}
