package arch

import (
	"cmp"
	"slices"
)

// tensorSpec is one row of a family's table: a tensor on both sides. A %d in the Hugging Face name stands for numbers
// from 0 on: that many sources are stacked, the tensor's slowest dimension. Where a dimension is 0, the model has no
// such tensor.
type tensorSpec struct {
	HF, GGUF string
	Shape    []dim // of the tensor, slowest first
	Source   []dim // of the source, if different
	Need     Need
	In       where
	Rotary   rotary
	Whole    bool                   // gains of a norm, to which the family's NormAdd is not added
	Layout   func(c *Config) Layout // how the tensor lies in the source; nil: row after row
}

// dim is a dimension taken from the Config.
type dim func(*Config) int

func width(c *Config) int   { return c.Width }
func ffn(c *Config) int     { return c.FFN }
func vocab(c *Config) int   { return c.Vocab }
func heads(c *Config) int   { return c.Heads * c.HeadDim }
func kvHeads(c *Config) int { return c.KVHeads * c.HeadDim }
func headDim(c *Config) int { return c.HeadDim }
func queryN(c *Config) int  { return c.Heads }
func keyN(c *Config) int    { return c.KVHeads }
func qkv(c *Config) int     { return heads(c) + 2*kvHeads(c) }
func twoFFN(c *Config) int  { return 2 * c.FFN }

func experts(c *Config) int      { return c.Experts.Count }
func expertFFN(c *Config) int    { return c.Experts.FFN }
func twoExpertFFN(c *Config) int { return 2 * c.Experts.FFN }
func sharedFFN(c *Config) int    { return c.Experts.Shared }
func twoSharedFFN(c *Config) int { return 2 * c.Experts.Shared }
func one(*Config) int            { return 1 }

// Need says when a tensor must be there.
type Need uint8

const (
	always         Need = iota
	untied              // unless the embedding is the output matrix
	ssmNorm             // unless the state space has no norm
	tiedApart           // when it is, but multiplied by another factor
	attentionBias       // when config.json sets attention_bias
	attnOutBias         // when config.json sets attention_out_bias
	mlpBias             // when config.json sets mlp_bias
	useBias             // when config.json sets use_bias
	qkvBiases           // when config.json sets use_qkv_bias
	qkNorm              // when config.json sets use_qk_norm or qk_layernorm
	convBias            // when config.json sets conv_bias
	expertBias          // unless config.json unsets use_expert_bias
	sequential          // unless attention and feed-forward layer share a norm
	unpacked            // unless the checkpoint is MXFP4
	mxfp4               // when the checkpoint is MXFP4
	eachExpert          // when experts are stored one by one
	stackedExperts      // when those of a layer are stacked
	fusedExperts        // when they are stacked, gate and up in one tensor
	fusedColumns        // when they are stacked so, each as [input][output]
	eitherStack         // when they are stacked in either way
	optional            // never
	usual               // in checkpoints; llama.cpp does without
)

// where says which layers have a tensor.
type where uint8

const (
	everywhere where = iota
	dense            // those with a dense feed-forward layer
	sparse           // those with experts
	feeding          // those with either
	attending        // those with attention
	recurrent        // those with a mixer whose state has a constant size
)

// has reports whether layer i has tensors of that place.
func (c *Config) has(w where, i int) bool {
	layer := c.OfLayer(i)
	switch w {
	case dense:
		return !c.ExpertLayer(i)
	case sparse:
		return c.ExpertLayer(i)
	case feeding:
		return c.ExpertLayer(i) || layer.FFN > 0
	case attending:
		return layer.Mixer.Attends()
	case recurrent:
		return layer.Mixer.Recurs()
	}
	return true
}

// rotary marks matrices whose output is rotated, head by head.
type rotary uint8

const (
	still rotary = iota
	queries
	keys
)

// outside lists the tensors outside layers, the same in every family.
var outside = []tensorSpec{
	{HF: "lm_head.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
	{HF: "model.embed_tokens.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
	{HF: "model.norm.weight", GGUF: "output_norm.weight", Shape: []dim{width}},
}

// decoder lists the tensors of a layer that every family has.
var decoder = slices.Concat([]tensorSpec{
	{HF: "input_layernorm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}},
	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{heads, width}, Rotary: queries},
	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{kvHeads, width}, Rotary: keys},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{kvHeads, width}},
	{HF: "self_attn.o_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}},
	{HF: "post_attention_layernorm.weight", GGUF: "ffn_norm.weight", Shape: []dim{width}},
}, denseFFN)

// denseFFN lists the matrices of a feed-forward layer.
var denseFFN = []tensorSpec{
	{HF: "mlp.gate_proj.weight", GGUF: "ffn_gate.weight", Shape: []dim{ffn, width}, In: dense},
	{HF: "mlp.up_proj.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}, In: dense},
	{HF: "mlp.down_proj.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}, In: dense},
}

// qkvBias lists the biases of the three projections, needed under that condition.
func qkvBias(n Need) []tensorSpec {
	return []tensorSpec{
		{HF: "self_attn.q_proj.bias", GGUF: "attn_q.bias", Shape: []dim{heads}, Need: n, Rotary: queries},
		{HF: "self_attn.k_proj.bias", GGUF: "attn_k.bias", Shape: []dim{kvHeads}, Need: n, Rotary: keys},
		{HF: "self_attn.v_proj.bias", GGUF: "attn_v.bias", Shape: []dim{kvHeads}, Need: n},
	}
}

// outputBias is the bias of the attention's output projection.
var outputBias = []tensorSpec{
	{HF: "self_attn.o_proj.bias", GGUF: "attn_output.bias", Shape: []dim{width}, Need: attentionBias},
}

// mlpBiases lists the biases of the feed-forward layer.
var mlpBiases = []tensorSpec{
	{HF: "mlp.gate_proj.bias", GGUF: "ffn_gate.bias", Shape: []dim{ffn}, Need: mlpBias},
	{HF: "mlp.up_proj.bias", GGUF: "ffn_up.bias", Shape: []dim{ffn}, Need: mlpBias},
	{HF: "mlp.down_proj.bias", GGUF: "ffn_down.bias", Shape: []dim{width}, Need: mlpBias},
}

// headNorms lists the RMSNorm gains over each head's queries and keys.
var headNorms = []tensorSpec{
	{HF: "self_attn.q_norm.weight", GGUF: "attn_q_norm.weight", Shape: []dim{headDim}},
	{HF: "self_attn.k_norm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{headDim}},
}

// in lists rows of tables for the layers of that kind only.
func in(w where, tables ...[]tensorSpec) []tensorSpec {
	list := slices.Concat(tables...)
	for i := range list {
		list[i].In = w
	}
	return list
}

// vector is the row of a vector.
func vector(hf, gguf string, n dim, need Need) tensorSpec {
	return tensorSpec{HF: hf, GGUF: gguf, Shape: []dim{n}, Need: need}
}

// withNeed is a table whose tensors are needed under that condition.
func withNeed(table []tensorSpec, need Need) []tensorSpec {
	table = slices.Clone(table)
	for i := range table {
		table[i].Need = need
	}
	return table
}

// without is a table without the rows of these GGUF names.
func without(table []tensorSpec, gguf ...string) []tensorSpec {
	return slices.DeleteFunc(slices.Clone(table), func(n tensorSpec) bool { return slices.Contains(gguf, n.GGUF) })
}

// Always reports whether every file of the architecture has the tensor.
func (n Need) Always() bool { return n == always || n == unpacked || n == eachExpert }

// stacked reports whether tensors of this need hold stacked experts, beside rows of the table for single ones.
func (n Need) stacked() bool {
	return n == stackedExperts || n == fusedExperts || n == fusedColumns || n == eitherStack
}

// Needs reports whether config.json asks for tensors of this need.
func (h *HFConfig) Needs(c *Config, n Need) bool {
	switch n {
	case untied:
		return !h.Tied
	case ssmNorm:
		return !h.ssmPlain
	case tiedApart:
		return h.Tied && !c.Tied
	case attentionBias:
		return h.AttentionBias
	case attnOutBias:
		return h.AttentionOutBias
	case mlpBias:
		return h.MLPBias
	case useBias:
		return h.UseBias == nil || *h.UseBias
	case qkvBiases:
		return h.UseQKVBias
	case qkNorm:
		return h.UseQKNorm || h.QKLayerNorm
	case convBias:
		return h.ConvBias
	case expertBias:
		return h.UseExpertBias == nil || *h.UseExpertBias
	case sequential:
		return !c.Parallel
	case mxfp4:
		return h.MXFP4()
	case unpacked:
		return !h.MXFP4()
	case eachExpert, stackedExperts, fusedExperts, fusedColumns:
		return n == cmp.Or(h.stacking, eachExpert)
	case optional:
		return false
	case eitherStack:
		return h.stacking == stackedExperts || h.stacking == fusedExperts
	}
	return true
}
