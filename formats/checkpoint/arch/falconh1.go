package arch

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
)

// falconH1 (TII Falcon-H1, arXiv 2507.22448) has attention and a state space of Mamba 2 side by side in each layer. The
// weights of GGUF files contain its multipliers.
var falconH1 = family{
	Type: "falcon_h1", Arch: "falcon-h1",
	Context: 8192, KVHeads: 8, Eps: 1e-5,
	Common: append(renamed(outside, "model.norm.", "model.final_layernorm."), tensorSpec{HF: "model.embed_tokens.weight",
		GGUF: "output.weight", Shape: []dim{vocab, width}, Need: tiedApart}),
	Layer: slices.Concat(in(attending, without(decoder, "attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight",
		"ffn_up.weight", "ffn_down.weight")), in(attending, qkvBias(attentionBias)), in(attending, outputBias),
		stateSpace("mamba."), falconFFN),
	Spellings: func(h *HFConfig) {
		h.ConvBias, h.ssmPlain = h.MambaConvBias == nil || *h.MambaConvBias, !h.SSMNorm
	},
	Config:     (*HFConfig).falcon,
	Read:       func(r *reader, c *Config) { c.Mixer = AttentionMamba; r.stateSpace(c) },
	Factors:    (*HFConfig).falconFactors,
	Parameters: falconParameters,
}

// falconKeys are the keys of its config.json.
type falconKeys struct {
	SSMWidth        *int      `json:"mamba_d_ssm"`
	SSMNorm         bool      `json:"mamba_rms_norm"`
	NormBeforeGate  *bool     `json:"mamba_norm_before_gate"`
	ProjectorsBias  bool      `json:"projectors_bias"`
	AttentionInput  *float64  `json:"attention_in_multiplier"`
	AttentionOut    *float64  `json:"attention_out_multiplier"`
	KeyMultiplier   *float64  `json:"key_multiplier"`
	HeadMultiplier  *float64  `json:"lm_head_multiplier"`
	SSMInMultiplier *float64  `json:"ssm_in_multiplier"`
	SSMOut          *float64  `json:"ssm_out_multiplier"`
	SSMMultipliers  []float64 `json:"ssm_multipliers"` // of the gate, the heads, B, C and δ
	MLPMultipliers  []float64 `json:"mlp_multipliers"` // of gate and down
}

// falconFFN is preNormedFFN; the converter loses the end of a norm's name.
var falconFFN = func() []tensorSpec {
	list := slices.Clone(preNormedFFN)
	for i := range list {
		if list[i].GGUF == "ffn_norm.weight" {
			list[i].GGUF = "ffn_norm"
		}
	}
	return list
}()

func (h *HFConfig) falcon(c *Config) error {
	inner := value(h.SSMWidth, 1024)
	if h.SSMWidth == nil && h.MambaExpand != nil {
		inner = *h.MambaExpand * c.Width
	}
	c.Mixer, c.Rope.Base = AttentionMamba, single(c.Rope.Base) // 1e11 is not a float32
	if h.Tied && or(h.EmbeddingMultiplier, 1) != or(h.HeadMultiplier, 1) {
		c.Tied = false
	}
	err := h.stateSpace(c, inner) // first, so that the tensors are known in any case
	switch {
	case h.ProjectorsBias:
		return fmt.Errorf("%w: biases of the state space's output (projectors_bias) in model_type falcon_h1",
			formats.ErrUnsupported)
	case (h.AttentionBias || h.MLPBias) && h.scaledBranches():
		return fmt.Errorf("%w: biases beside multipliers in model_type falcon_h1", formats.ErrUnsupported)
	case h.SSMNorm && (h.NormBeforeGate == nil || *h.NormBeforeGate):
		return fmt.Errorf("%w: a norm before the gate of the state space (mamba_norm_before_gate)", formats.ErrUnsupported)
	case c.Rope.Scaling != "":
		return fmt.Errorf("%w: RoPE scaling %q in model_type falcon_h1", formats.ErrUnsupported, c.Rope.Scaling)
	case h.SSMMultipliers != nil && len(h.SSMMultipliers) != 5 || h.MLPMultipliers != nil && len(h.MLPMultipliers) != 2:
		return fmt.Errorf("%w: %d ssm_multipliers and %d mlp_multipliers, not 5 and 2", formats.ErrCorrupt,
			len(h.SSMMultipliers), len(h.MLPMultipliers))
	}
	return err
}

// scaledBranches reports whether a multiplier would scale a bias.
func (h *HFConfig) scaledBranches() bool {
	for _, m := range append([]float64{or(h.KeyMultiplier, 1), or(h.AttentionOut, 1)}, h.MLPMultipliers...) {
		if m != 1 {
			return true
		}
	}
	return false
}

// falconFactors are the multipliers of a tensor, in the converter's order.
func (h *HFConfig) falconFactors(c *Config, e *Expected) {
	ssm, mlp := []float64{1, 1, 1, 1, 1}, []float64{1, 1}
	if len(h.SSMMultipliers) == len(ssm) {
		ssm = h.SSMMultipliers
	}
	if len(h.MLPMultipliers) == len(mlp) {
		mlp = h.MLPMultipliers
	}
	into, out := or(h.AttentionInput, 1), or(h.SSMInMultiplier, 1)
	f, rows := new(Factors), e.Shape[0]
	_, name, found := strings.Cut(strings.TrimPrefix(e.GGUF, "blk."), ".")
	if !found || !strings.HasPrefix(e.GGUF, "blk.") {
		name = e.GGUF
	}
	switch name {
	case "token_embd.weight":
		f.multiply(rows, or(h.EmbeddingMultiplier, 1))
	case "output.weight":
		f.multiply(rows, or(h.HeadMultiplier, 1))
	case "attn_q.weight", "attn_v.weight":
		f.multiply(rows, into)
	case "attn_k.weight":
		f.multiply(rows, or(h.KeyMultiplier, 1), into)
	case "attn_output.weight":
		f.multiply(rows, or(h.AttentionOut, 1))
	case "ffn_gate.weight":
		f.multiply(rows, mlp[0])
	case "ffn_down.weight":
		f.multiply(rows, mlp[1])
	case "ssm_out.weight":
		f.multiply(rows, or(h.SSMOut, 1))
	case "ssm_in.weight":
		s := c.SSM
		for i, n := range []int{s.Inner, s.Inner, s.Groups * s.State, s.Groups * s.State, s.Heads} {
			f.multiply(int64(n), out, ssm[i])
		}
	}
	e.Layout = f.layout(e.Layout)
}

// falconParameters writes the keys of the architecture, in the converter's order.
func falconParameters(h *HFConfig, c *Config, w writer) {
	ssmParameters(c, w)
	w.uint("vocab_size", c.Vocab)
	w.uint("attention.head_count_kv", c.KVHeads)
	w.uint("attention.key_length", c.HeadDim)
	w.uint("attention.value_length", c.HeadDim)
	w.float("rope.freq_base", c.Rope.Base)
}

// ssmParameters writes the keys of Mamba 2, which other models add to.
func ssmParameters(c *Config, w writer) {
	w.uint("context_length", c.Context)
	w.uint("embedding_length", c.Width)
	w.uint("feed_forward_length", c.FFN)
	w.uint("attention.head_count", c.Heads)
	w.uint("block_count", c.Layers)
	w.uint("ssm.conv_kernel", c.SSM.Conv)
	w.uint("ssm.inner_size", c.SSM.Inner)
	w.uint("ssm.state_size", c.SSM.State)
	w.uint("ssm.time_step_rank", c.SSM.Heads)
	w.uint("ssm.group_count", c.SSM.Groups)
	w.set("attention.layer_norm_rms_epsilon", c.NormEps)
	w.fileType()
}
