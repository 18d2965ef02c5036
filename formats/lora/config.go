package lora

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/store"
)

// config is the part of adapter_config.json that matters.
type config struct {
	Type       string             `json:"peft_type"`
	Base       string             `json:"base_model_name_or_path"`
	Rank       int64              `json:"r"`
	Alpha      *float64           `json:"lora_alpha"`
	RankStable bool               `json:"use_rslora"`
	Ranks      map[string]int64   `json:"rank_pattern"`
	Alphas     map[string]float64 `json:"alpha_pattern"`
	Save       []string           `json:"modules_to_save"`
	Tied       bool               `json:"ensure_weight_tying"`
	Init       any                `json:"init_lora_weights"`

	unknown []string // keys with a value that nobody here knows
}

// mergeFirst is the way out for adapters that cannot be merged here.
const mergeFirst = "merge the adapter with peft's merge_and_unload and save the result"

// refusedKeys are settings that make an adapter something else than a sum of products, where they are set.
var refusedKeys = []struct{ key, what string }{
	{"use_dora", "its weights are rescaled row by row; " + mergeFirst},
	{"lora_bias", "the adapter has biases of its own; " + mergeFirst},
	{"fan_in_fan_out", "no model that bitmill knows stores its matrices transposed; set it to false if the model's " +
		"layers are torch.nn.Linear, as peft does"},
	{"target_parameters", "adapters of stacked experts; " + mergeFirst},
	{"alora_invocation_tokens", "the adapter acts on some tokens only and cannot be merged"},
	{"trainable_token_indices", "single embedding rows; " + mergeFirst},
	{"layer_replication", "the model has layers several times, each with an adapter of its own; " + mergeFirst},
	{"megatron_config", "the adapter is for layers of Megatron, which are split otherwise; " + mergeFirst},
	{"use_qalora", "A acts on sums of columns; " + mergeFirst},
	{"use_bdlora", "its matrices are block-diagonal; " + mergeFirst},
	{"arrow_config", "a router chooses among adapters for each token, which cannot be merged"},
	{"kasa_config", "singular values scale its products; " + mergeFirst},
	{"velora_config", "a variant of LoRA; " + mergeFirst},
	{"monteclora_config", "a variant of LoRA that samples its weights; " + mergeFirst},
}

// plainKeys are settings that do not change the merged weights: of training, of the first values of A and B, of the
// choice of modules, which the tensors' names show.
var plainKeys = []string{"target_modules", "exclude_modules", "lora_dropout", "bias", "layers_to_transform",
	"layers_pattern", "megatron_core", "task_type", "inference_mode", "auto_mapping", "revision", "peft_version",
	"loftq_config", "eva_config", "corda_config", "lora_ga_config", "runtime_config", "qalora_group_size",
	"peft_type", "base_model_name_or_path", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern",
	"modules_to_save", "ensure_weight_tying", "init_lora_weights", "enable_lora", "merge_weights", "unsloth_fixed",
	"unsloth_version"}

// plainStarts are first values of A and B that leave the model's weights alone.
var plainStarts = []string{"", "gaussian", "eva", "orthogonal"}

// changingStarts are those that subtract the first product from the model's weights, so that the adapter fits the
// changed weights only; pissa and corda can have more behind them (pissa_niter_4).
var changingStarts = []string{"pissa", "olora", "corda", "loftq", "lora_ga"}

// readConfig reads adapter_config.json and refuses everything but plain products of two matrices.
func readConfig(path string) (*config, []byte, error) {
	data, err := store.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	c := new(config)
	var keys map[string]json.RawMessage
	if err := pyjson.Unmarshal(data, c); err != nil {
		return nil, nil, pyjson.Corrupt(path, err)
	}
	if err := pyjson.Unmarshal(data, &keys); err != nil {
		return nil, nil, pyjson.Corrupt(path, err)
	}
	refuse := func(what string) (*config, []byte, error) {
		return nil, nil, fmt.Errorf("%s: %w: %s", path, formats.ErrUnsupported, what)
	}
	if c.Type != "LORA" {
		return refuse(fmt.Sprintf("peft_type %q; only LORA can be merged", c.Type))
	}
	for _, r := range refusedKeys {
		if set(keys[r.key]) {
			return refuse(r.key + ": " + r.what)
		}
	}
	if what := c.start(); what != "" {
		return refuse(what)
	}
	for _, key := range pyjson.Keys(data) {
		known := slices.Contains(plainKeys, key) ||
			slices.ContainsFunc(refusedKeys, func(r struct{ key, what string }) bool { return r.key == key })
		if !known && set(keys[key]) {
			c.unknown = append(c.unknown, key)
		}
	}
	if c.Rank < 1 || c.Alpha == nil {
		return nil, nil, fmt.Errorf("%s: %w: r or lora_alpha is missing", path, formats.ErrCorrupt)
	}
	return c, data, nil
}

// set reports whether Python takes a value for true.
func set(raw json.RawMessage) bool {
	var v any
	if len(raw) == 0 || pyjson.Unmarshal(raw, &v) != nil {
		return len(raw) > 0
	}
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// start says why an adapter that began with these values of A and B is not for the model as published; "" when it is.
func (c *config) start() string {
	name, isText := c.Init.(string)
	name = strings.ToLower(name)
	if !isText || slices.Contains(plainStarts, name) || name == "true" || name == "false" {
		return ""
	}
	if slices.ContainsFunc(changingStarts, func(s string) bool { return strings.HasPrefix(name, s) }) {
		return fmt.Sprintf("init_lora_weights %q: the adapter fits a model whose weights were changed when its training "+
			"began, not the published one; save it in peft with save_pretrained(DIR, "+
			"path_initial_model_for_weight_conversion=START), which makes a plain adapter of it, or %s on the changed model", c.Init, mergeFirst)
	}
	return fmt.Sprintf("init_lora_weights %q: bitmill does not know whether that changes the model's weights; %s", c.Init,
		mergeFirst)
}

// saves reports whether a module has a copy of its own in the adapter (modules_to_save).
func (c *config) saves(module string) bool {
	return slices.ContainsFunc(c.Save, func(s string) bool { return module == s || strings.HasSuffix(module, "."+s) })
}
