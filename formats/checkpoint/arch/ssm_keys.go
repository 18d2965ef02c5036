package arch

import (
	"cmp"
	"fmt"
	"math"

	"bitmill/formats"
)

// ssmKeys are the keys of config.json for layers with a state space, under the names that different classes of
// transformers give them.
type ssmKeys struct {
	MambaHeads     *int  `json:"mamba_n_heads"`
	MambaHeadDim   *int  `json:"mamba_d_head"`
	MambaState     *int  `json:"mamba_d_state"`
	MambaGroups    *int  `json:"mamba_n_groups"`
	MambaConv      *int  `json:"mamba_d_conv"`
	MambaExpand    *int  `json:"mamba_expand"`
	MambaConvBias  *bool `json:"mamba_conv_bias"`
	MambaProjBias  bool  `json:"mamba_proj_bias"`
	AttentionIn    []int `json:"attn_layer_indices"`
	AttentionEvery *int  `json:"attn_layer_period"`
	AttentionFrom  *int  `json:"attn_layer_offset"`
	RotaryDims     *int  `json:"attn_rotary_emb"`

	NemotronHeads   *int  `json:"mamba_num_heads"`
	NemotronHeadDim *int  `json:"mamba_head_dim"`
	SSMHeads        *int  `json:"num_heads"`
	SSMState        *int  `json:"ssm_state_size"`
	StateSize       *int  `json:"state_size"`
	NGroups         *int  `json:"n_groups"`
	ConvKernel      *int  `json:"conv_kernel"`
	UseConvBias     *bool `json:"use_conv_bias"`

	TimeLimit any `json:"time_step_limit"`

	ssmPlain bool // the state space has no norm
}

// mixerSpace sets the state space of keys without a prefix.
func (h *HFConfig) mixerSpace(c *Config, heads, headDim, state, groups int) error {
	c.SSM = &SSM{Heads: heads, Inner: heads * headDim, State: value(cmp.Or(h.SSMState, h.StateSize), state),
		Groups: value(h.NGroups, groups), Conv: value(h.ConvKernel, 4)}
	if h.MambaProjBias || h.UseBias != nil && *h.UseBias {
		return fmt.Errorf("%w: projections of the state space with a bias (mamba_proj_bias, use_bias)",
			formats.ErrUnsupported)
	}
	return h.timeLimit()
}

// stateSpace sets the state space of keys that begin with mamba_.
func (h *HFConfig) stateSpace(c *Config, inner int) error {
	s := &SSM{Heads: value(h.MambaHeads, 128), State: value(h.MambaState, 256), Groups: value(h.MambaGroups, 1),
		Conv: value(h.MambaConv, 4), Inner: inner}
	c.SSM = s
	if n := value(h.MambaHeadDim, inner/max(1, s.Heads)); n*s.Heads != inner {
		return fmt.Errorf("%w: a state space of %d values in %d heads (mamba_n_heads) of %d (mamba_d_head)",
			formats.ErrCorrupt, inner, s.Heads, n)
	}
	if h.MambaProjBias {
		return fmt.Errorf("%w: projections of the state space with a bias (mamba_proj_bias)", formats.ErrUnsupported)
	}
	return h.timeLimit()
}

// timeLimit fails when steps of time are clamped: GGUF has no key for it.
func (h *HFConfig) timeLimit() error {
	limits, ok := h.TimeLimit.([]any)
	if h.TimeLimit == nil || ok && len(limits) == 2 && single(number(limits[0])) == 0 && unlimited(limits[1]) {
		return nil
	}
	return fmt.Errorf("%w: steps of time within limits (time_step_limit %v)", formats.ErrUnsupported, h.TimeLimit)
}

// unlimited reports whether a value of JSON is infinity, as Python or transformers writes it.
func unlimited(v any) bool {
	if m, ok := v.(map[string]any); ok {
		return m["__float__"] == "Infinity"
	}
	return math.IsInf(number(v), 1)
}

// value is *p, or otherwise without one.
func value(p *int, otherwise int) int { return *cmp.Or(p, &otherwise) }

// stateSpace reads the state space.
func (r *reader) stateSpace(c *Config) {
	c.SSM = &SSM{Conv: r.int("ssm.conv_kernel", -1), Inner: r.int("ssm.inner_size", -1),
		State: r.int("ssm.state_size", -1), Heads: r.int("ssm.time_step_rank", -1), Groups: r.int("ssm.group_count", -1)}
}

// ssmDim is a dimension of the state space.
func ssmDim(of func(s *SSM) int) dim {
	return func(c *Config) int {
		if c.SSM == nil {
			return 0
		}
		return of(c.SSM)
	}
}

var (
	ssmIn     = ssmDim(func(s *SSM) int { return s.Inner + s.ConvWidth() + s.Heads })
	ssmConv   = ssmDim((*SSM).ConvWidth)
	ssmTaps   = ssmDim(func(s *SSM) int { return s.Conv })
	ssmHeads  = ssmDim(func(s *SSM) int { return s.Heads })
	ssmInner  = ssmDim(func(s *SSM) int { return s.Inner })
	ssmGroups = ssmDim(func(s *SSM) int { return s.Groups })
	ssmGroup  = ssmDim(func(s *SSM) int { return s.Inner / s.Groups })
)

// stateSpace lists the tensors of a state space, whose names begin so.
func stateSpace(prefix string) []tensorSpec {
	list := []tensorSpec{
		{HF: "A_log", GGUF: "ssm_a", Shape: []dim{ssmHeads, one}, Source: []dim{ssmHeads}, Layout: minusExp},
		{HF: "D", GGUF: "ssm_d", Shape: []dim{ssmHeads, one}, Source: []dim{ssmHeads}},
		{HF: "conv1d.weight", GGUF: "ssm_conv1d.weight", Shape: []dim{ssmConv, ssmTaps},
			Source: []dim{ssmConv, one, ssmTaps}},
		{HF: "conv1d.bias", GGUF: "ssm_conv1d.bias", Shape: []dim{ssmConv}, Need: convBias},
		{HF: "dt_bias", GGUF: "ssm_dt.bias", Shape: []dim{ssmHeads}},
		{HF: "in_proj.weight", GGUF: "ssm_in.weight", Shape: []dim{ssmIn, width}},
		{HF: "norm.weight", GGUF: "ssm_norm.weight", Shape: []dim{ssmGroups, ssmGroup}, Source: []dim{ssmInner},
			Need: ssmNorm},
		{HF: "out_proj.weight", GGUF: "ssm_out.weight", Shape: []dim{width, ssmInner}},
	}
	for i := range list {
		list[i].HF, list[i].In = prefix+list[i].HF, recurrent
	}
	return list
}

func minusExp(*Config) Layout { return Layout{MinusExp: true} }
