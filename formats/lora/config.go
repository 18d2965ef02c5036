package lora

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// config is the part of adapter_config.json that matters.
type config struct {
	Type         string             `json:"peft_type"`
	Base         string             `json:"base_model_name_or_path"`
	Rank         int64              `json:"r"`
	Alpha        *float64           `json:"lora_alpha"`
	RankStable   bool               `json:"use_rslora"`
	Transposed   bool               `json:"fan_in_fan_out"`
	DoRA         bool               `json:"use_dora"`
	LoRABias     bool               `json:"lora_bias"`
	Ranks        map[string]int64   `json:"rank_pattern"`
	Alphas       map[string]float64 `json:"alpha_pattern"`
	Parameters   []string           `json:"target_parameters"`
	Invocation   []int              `json:"alora_invocation_tokens"`
	TokenIndices json.RawMessage    `json:"trainable_token_indices"`
}

// mergeFirst is the way out for adapters that cannot be merged here.
const mergeFirst = "merge the adapter with peft's merge_and_unload and save the result"

// readConfig reads adapter_config.json and refuses everything but plain products of two matrices.
func readConfig(path string) (*config, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	c := new(config)
	if err := pyjson.Unmarshal(data, c); err != nil {
		return nil, nil, pyjson.Corrupt(path, err)
	}
	for _, refused := range []struct {
		is   bool
		what string
	}{
		{c.Type != "LORA", fmt.Sprintf("peft_type %q; only LORA can be merged", c.Type)},
		{c.DoRA, "use_dora: its weights are rescaled row by row; " + mergeFirst},
		{c.LoRABias, "lora_bias: the adapter has biases of its own; " + mergeFirst},
		{c.Transposed, "fan_in_fan_out: no model that bitmill knows stores its matrices transposed"},
		{len(c.Parameters) > 0, "target_parameters: adapters of stacked experts; " + mergeFirst},
		{len(c.Invocation) > 0, "alora_invocation_tokens: the adapter acts on some tokens only and cannot be merged"},
		{!pyjson.Null(c.TokenIndices),
			"trainable_token_indices: single embedding rows; " + mergeFirst},
	} {
		if refused.is {
			return nil, nil, fmt.Errorf("%s: %w: %s", path, formats.ErrUnsupported, refused.what)
		}
	}
	if c.Rank < 1 || c.Alpha == nil {
		return nil, nil, fmt.Errorf("%s: %w: r or lora_alpha is missing", path, formats.ErrCorrupt)
	}
	return c, data, nil
}

// scale is the factor of the product of a module's matrices: alpha / r, or alpha / sqrt(r) (rank-stabilized LoRA,
// arXiv 2312.03732). The rank is that of its matrices.
func (c *config) scale(module string, rank int64) (float32, error) {
	want, err := match(c.Ranks, module, c.Rank)
	if err != nil {
		return 0, err
	}
	if rank != want {
		return 0, fmt.Errorf("%w: its matrices are of rank %d, adapter_config.json says %d",
			formats.ErrCorrupt, rank, want)
	}
	alpha, err := match(c.Alphas, module, *c.Alpha)
	if c.RankStable {
		return float32(alpha / math.Sqrt(float64(rank))), err
	}
	return float32(alpha / float64(rank)), err
}

// match finds the value for a module: that of the pattern that matches its name or the end of its name, or otherwise.
func match[T comparable](patterns map[string]T, module string, otherwise T) (T, error) {
	found, value := "", otherwise
	for p, v := range patterns {
		re, err := regexp.Compile(`^(.*\.)?(` + p + `)$`)
		if err != nil {
			return value, fmt.Errorf("%w: pattern %q in adapter_config.json", formats.ErrUnsupported, p)
		}
		if !re.MatchString(module) {
			continue
		}
		if found != "" && v != value {
			return value, fmt.Errorf("%w: the patterns %q and %q in adapter_config.json both match it",
				formats.ErrUnsupported, found, p)
		}
		found, value = p, v
	}
	return value, nil
}
