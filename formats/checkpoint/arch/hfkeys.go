package arch

import (
	"encoding/json"

	"bitmill/formats/prequant"
)

// HFConfig is the part of config.json that matters. Pointers tell an absent or null key from a zero.
type HFConfig struct {
	ModelType     string   `json:"model_type"`
	Architectures []string `json:"architectures"`
	NameOrPath    string   `json:"_name_or_path"`
	TorchDtype    string   `json:"torch_dtype"` // until transformers 4
	Dtype         string   `json:"dtype"`       // since transformers 5

	HiddenSize       *int     `json:"hidden_size"`
	IntermediateSize *int     `json:"intermediate_size"`
	Layers           *int     `json:"num_hidden_layers"`
	Heads            *int     `json:"num_attention_heads"`
	KVHeads          *int     `json:"num_key_value_heads"`
	HeadDim          *int     `json:"head_dim"`
	VocabSize        *int     `json:"vocab_size"`
	MaxPosition      *int     `json:"max_position_embeddings"`
	RMSNormEps       *float64 `json:"rms_norm_eps"`
	NormEps          *float64 `json:"norm_eps"`
	LayerNormEps     *float64 `json:"layer_norm_eps"`
	NormEpsilon      *float64 `json:"norm_epsilon"`
	HiddenAct        string   `json:"hidden_act"`
	HiddenActivation string   `json:"hidden_activation"`
	Tied             bool     `json:"tie_word_embeddings"`
	AttentionBias    bool     `json:"attention_bias"`
	AttentionOutBias bool     `json:"attention_out_bias"`
	QKVBias          bool     `json:"qkv_bias"`
	Bias             bool     `json:"bias"`
	MLPBias          bool     `json:"mlp_bias"`
	UseBias          *bool    `json:"use_bias"`
	UseQKVBias       bool     `json:"use_qkv_bias"`
	UseQKNorm        bool     `json:"use_qk_norm"`
	QKLayerNorm      bool     `json:"qk_layernorm"`
	Parallel         *bool    `json:"use_parallel_residual"`

	EmbeddingMultiplier *float64 `json:"embedding_multiplier"`
	AttentionMultiplier *float64 `json:"attention_multiplier"`
	ResidualMultiplier  *float64 `json:"residual_multiplier"`
	LogitsScaling       *float64 `json:"logits_scaling"` // divides
	LogitScale          *float64 `json:"logit_scale"`    // multiplies
	QueryScalar         *float64 `json:"query_pre_attn_scalar"`
	AttentionCap        *float64 `json:"attn_logit_softcapping"`
	FinalCap            *float64 `json:"final_logit_softcapping"`

	NumExperts      *int     `json:"num_experts"`
	NumLocalExperts *int     `json:"num_local_experts"`
	ExpertsUsed     *int     `json:"num_experts_per_tok"`
	ExpertFFN       *int     `json:"moe_intermediate_size"`
	SharedFFN       *int     `json:"shared_expert_intermediate_size"`
	SharedSize      *int     `json:"shared_intermediate_size"` // granitemoehybrid
	NormTopK        *bool    `json:"norm_topk_prob"`
	QueryRank       *int     `json:"q_lora_rank"`
	LatentRank      *int     `json:"kv_lora_rank"`
	NopeDim         *int     `json:"qk_nope_head_dim"`
	RopeDim         *int     `json:"qk_rope_head_dim"`
	ValueDim        *int     `json:"v_head_dim"`
	RoutedExperts   *int     `json:"n_routed_experts"`
	SharedExperts   *int     `json:"n_shared_experts"`
	FirstDense      *int     `json:"first_k_dense_replace"`
	NextN           *int     `json:"num_nextn_predict_layers"`
	MTPLayers       *int     `json:"mtp_num_hidden_layers"`
	Groups          *int     `json:"n_group"`
	GroupsUsed      *int     `json:"topk_group"`
	RoutedScale     *float64 `json:"routed_scaling_factor"`
	ScoringFunc     string   `json:"scoring_func"`
	LinearTaps      *int     `json:"linear_conv_kernel_dim"`
	LinearKeyDim    *int     `json:"linear_key_head_dim"`
	LinearKeyHeads  *int     `json:"linear_num_key_heads"`
	LinearDim       *int     `json:"linear_value_head_dim"`
	LinearHeads     *int     `json:"linear_num_value_heads"`
	FullInterval    *int     `json:"full_attention_interval"`
	SparseStep      *int     `json:"decoder_sparse_step"`
	DenseLayers     []int    `json:"mlp_only_layers"`

	expertKeys
	ssmKeys
	nemotronKeys
	falconKeys
	gemmaKeys
	lfm2Keys
	gptKeys
	loopKeys

	RopeTheta      *float64        `json:"rope_theta"`      // until transformers 4
	RopeScaling    *ropeParameters `json:"rope_scaling"`    // until transformers 4
	RopeParameters *ropeParameters `json:"rope_parameters"` // since transformers 5
	PartialRotary  *float64        `json:"partial_rotary_factor"`
	EODToken       *int            `json:"eod_token_id"`
	GateMode       string          `json:"gate_attn_act_mode"`
	HeadGates      bool            `json:"headwise_attn_output_gate"`
	LayerThetas    []float64       `json:"layer_rope_theta"`
	RotaryPct      *float64        `json:"rotary_pct"`
	OriginalMax    *float64        `json:"original_max_position_embeddings"`

	SlidingWindow    *int     `json:"sliding_window"`
	UseSlidingWindow bool     `json:"use_sliding_window"`
	MaxWindowLayers  *int     `json:"max_window_layers"`
	LayerTypes       []string `json:"layer_types"`
	BlockTypes       []string `json:"layers_block_type"`
	PositionKind     string   `json:"position_embedding_type"`
	WindowPattern    *int     `json:"sliding_window_pattern"`
	OldPattern       *int     `json:"_sliding_window_pattern"`
	RopeLocalBase    *float64 `json:"rope_local_base_freq"`
	NoRopeLayers     []int    `json:"no_rope_layers"` // 1 for layers that have RoPE
	NoRopeInterval   *int     `json:"no_rope_layer_interval"`

	Vision *struct {
		Deepstack []int `json:"deepstack_visual_indexes"` // layers of the encoder of which the decoder's first layers get some
	} `json:"vision_config"`

	Quantization json.RawMessage `json:"quantization_config"`
	scheme       prequant.Scheme // of Quantization, or of the tensors
	schemeErr    error
	stacking     Need // eachExpert, stackedExperts, fusedExperts or fusedColumns, by the tensors; 0 before they are known
	mtp          MTP
	noPredictors bool // the tensors of blocks that predict further tokens are not there

	windowLetters string // sliding_window_pattern as a word

	lengths map[string]int   // of the lists with an entry for each layer
	each    map[string][]int // numbers given for each layer

	family  *family
	wrapper string // model_type of the configuration that this one lay in; empty: none

	Warnings []string `json:"-"` // values that were ignored; sentences without a full stop
}

// ropeParameters is rope_parameters, or rope_scaling of older files, which has no theta.
type ropeParameters struct {
	Theta       *float64        `json:"rope_theta"`
	RopeType    string          `json:"rope_type"`
	Type        string          `json:"type"` // rope_type before transformers 4.43
	Factor      *float64        `json:"factor"`
	LowFreq     *float64        `json:"low_freq_factor"`
	HighFreq    *float64        `json:"high_freq_factor"`
	OriginalMax *float64        `json:"original_max_position_embeddings"`
	Partial     *float64        `json:"partial_rotary_factor"`
	Full        *ropeParameters `json:"full_attention"` // parameters per kind of layer
	Sliding     *ropeParameters `json:"sliding_attention"`

	Alpha *float64 `json:"alpha"` // dynamic

	Sections []int32 `json:"mrope_section"` // pairs that turn by the time, height and width in a picture

	TemperatureBeta *float64 `json:"llama_4_scaling_beta"`

	// yarn
	Extrapolation   *float64 `json:"extrapolation_factor"`
	AttentionFactor *float64 `json:"attention_factor"`
	AttnFactor      *float64 `json:"attn_factor"`
	BetaFast        *float64 `json:"beta_fast"`
	BetaSlow        *float64 `json:"beta_slow"`
	Truncate        *bool    `json:"truncate"`
	MScale          *float64 `json:"mscale"`
	MScaleAllDim    *float64 `json:"mscale_all_dim"`

	// longrope
	ShortFactor []float32 `json:"short_factor"`
	LongFactor  []float32 `json:"long_factor"`
}
