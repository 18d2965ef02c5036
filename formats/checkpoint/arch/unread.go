package arch

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// recorded is a file's metadata that remembers which keys were read.
type recorded struct {
	*gguf.Metadata
	read map[string]bool
}

func (k recorded) Get(key string) (any, bool) {
	k.read[key] = true
	return k.Metadata.Get(key)
}

func (k recorded) Uint(key string) (uint64, bool, error) {
	k.read[key] = true
	return k.Metadata.Uint(key)
}

func (k recorded) Float(key string) (float64, bool, error) {
	k.read[key] = true
	return k.Metadata.Float(key)
}

func (k recorded) Bool(key string) (v, ok bool, err error) {
	k.read[key] = true
	return k.Metadata.Bool(key)
}

func (k recorded) String(key string) (string, bool, error) {
	k.read[key] = true
	return k.Metadata.String(key)
}

func (k recorded) Ints(key string) ([]int64, bool, error) {
	k.read[key] = true
	return k.Metadata.Ints(key)
}

func (k recorded) Floats(key string) ([]float64, bool, error) {
	k.read[key] = true
	return k.Metadata.Floats(key)
}

// harmless is a group of keys that may stay unread, for a reason.
type harmless struct {
	keys   []string // below the architecture's name; with a * at the end, all that begin so
	reason string
	when   func(v any, c *Config) bool // nil: always
}

// harmlessKeys lists them.
var harmlessKeys = []harmless{
	{[]string{"vocab_size"}, "the embedding has that many rows", nil},
	{[]string{"tensor_data_layout"}, "files have the rows of Q and K in one order only", nil},
	{[]string{"rope.scaling.finetuned"}, "it says how the model was trained", nil},
	{[]string{"pooling_type", "classifier.output_labels"}, "they are about what comes behind the last norm", nil},
	{[]string{"attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon"}, "no norm of the model is of that kind",
		nil},
	{[]string{"attention.causal"}, "tokens see earlier ones only in every model here",
		func(v any, _ *Config) bool { return v == true }},
	{[]string{"expert_*", "leading_dense_block_count", "interleave_moe_layer_step", "moe_every_n_layers"},
		"there are no experts", func(_ any, c *Config) bool { return c.Experts == nil }},
	{[]string{"expert_group_count"}, "there is one group",
		func(v any, _ *Config) bool { return number(v) <= 1 }},
	{[]string{"expert_group_used_count"}, "it is about the groups, if there are any", nil},
	{[]string{"expert_gating_func"}, "experts are chosen so anyway", func(v any, c *Config) bool {
		return number(v) == float64(c.Experts.Gating.number())
	}},
	{[]string{"expert_weights_norm"}, "weights are normalized, or not, anyway",
		func(v any, c *Config) bool { return v == c.Experts.Normalize }},
	{[]string{"expert_weights_scale", "logit_scale", "residual_scale", "embedding_scale", "num_loops"},
		"one changes nothing, and zero means none", func(v any, _ *Config) bool { return number(v) == 0 || number(v) == 1 }},
	{[]string{"attention.scale"}, "scores are scaled so anyway", func(v any, c *Config) bool {
		n, scale := number(v), cmp.Or(c.Scale.Attention, 1/math.Sqrt(float64(c.HeadDim)))
		return n == 0 || math.Abs(n/scale-1) < 1e-6
	}},
	{[]string{"attention.sliding_window"}, "every token of the longest text is within the window",
		func(v any, c *Config) bool { return number(v) == 0 || c.Context > 0 && number(v) >= float64(c.Context) }},
	{[]string{"attention.sliding_window_pattern", "rope.freq_base_swa", "*_swa"}, "no layer has a window",
		func(_ any, c *Config) bool { return c.Window == 0 }},
	{[]string{"rope.freq_base_swa"}, "all layers rotate from the same base",
		func(v any, c *Config) bool { return number(v) == c.Rope.Base }},
	{[]string{"rope.dimension_count_swa"}, "all layers rotate alike",
		func(v any, c *Config) bool { return number(v) == float64(c.Rope.Dims) }},
	{[]string{"attention.key_length_swa", "attention.value_length_swa"}, "the heads of all layers are alike",
		func(v any, c *Config) bool { return c.Latent == nil && number(v) == float64(c.HeadDim) }},
	{[]string{"rope.dimension_sections"}, "in a text all sections turn by the position, and pairs are half a head apart",
		func(v any, c *Config) bool {
			n := reflect.ValueOf(v)
			return !c.Rope.Interleaved && n.Kind() == reflect.Slice && n.Len() == 4 && none(n.Slice(3, 4).Interface())
		}},
	{[]string{"embedding_length_out"}, "the output is as wide as the model",
		func(v any, c *Config) bool { return number(v) == float64(c.Width) }},
	{[]string{"rope.scaling.yarn_*"}, "RoPE is not scaled by YaRN",
		func(_ any, c *Config) bool { return c.Rope.Scaling != "yarn" }},
	{[]string{"attn_logit_softcapping", "final_logit_softcapping", "router_logit_softcapping", "attention.clamp_kqv",
		"attention.max_alibi_bias", "attention.temperature_scale", "attention.shared_kv_layers",
		"embedding_length_per_layer_input", "n_deepstack_layers", "leading_dense_block_count", "use_parallel_residual",
		"rope.scaling.alpha", "rope.dimension_sections", "expert_shared_count", "expert_latent_length", "hash_layer_count"},
		"zero, or false, means none", func(v any, _ *Config) bool { return none(v) }},
	{[]string{"ssm.*"}, "recurrent layers would show in their tensors", nil},
	{[]string{"attention.temperature_length"}, "there is no temperature",
		func(_ any, c *Config) bool { return c.Temperature.Scale == 0 }},
}

// unread lists the keys of the architecture that nothing has read and that may change what the model computes.
func (r *reader) unread() (list []string) {
	for _, key := range r.m.Keys() {
		if name, ours := strings.CutPrefix(key, r.arch+"."); ours && !r.m.read[key] {
			if v, _ := r.m.Metadata.Get(key); !mayStay(name, v, &r.cfg) {
				list = append(list, key)
			}
		}
	}
	return list
}

// mayStay reports whether the key may stay unread with its value.
func mayStay(name string, v any, c *Config) bool {
	return slices.ContainsFunc(harmlessKeys, func(h harmless) bool {
		return slices.ContainsFunc(h.keys, func(k string) bool { return matches(k, name) }) &&
			(h.when == nil || h.when(v, c))
	})
}

func matches(pattern, name string) bool {
	if front, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, front)
	}
	if end, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, end)
	}
	return pattern == name
}

// number is the value of a number, NaN of anything else.
func number(v any) float64 {
	switch x := reflect.ValueOf(v); {
	case x.IsValid() && x.CanInt():
		return float64(x.Int())
	case x.IsValid() && x.CanUint():
		return float64(x.Uint())
	case x.IsValid() && x.CanFloat():
		return x.Float()
	}
	return math.NaN()
}

// none reports whether v is zero, false, or a list of those.
func none(v any) bool {
	x := reflect.ValueOf(v)
	if x.Kind() != reflect.Slice {
		return x.IsValid() && x.IsZero()
	}
	for i := range x.Len() {
		if !x.Index(i).IsZero() {
			return false
		}
	}
	return true
}

// UnknownError says that a model has something that changes what it computes in a way that bitmill does not know.
func UnknownError(what string, list []string) error {
	more := ""
	if len(list) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(list)-1)
	}
	return fmt.Errorf("%w: bitmill does not know what %s %s%s changes in the model's output; "+
		"quantize and inspect work without knowing", formats.ErrUnsupported, what, list[0], more)
}
