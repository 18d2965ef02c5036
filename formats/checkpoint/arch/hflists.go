package arch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// listed are the keys of config.json that hold one number for all layers, or a list of one for each.
func (h *HFConfig) listed() map[string]**int {
	return map[string]**int{
		"intermediate_size": &h.IntermediateSize, "num_attention_heads": &h.Heads, "num_key_value_heads": &h.KVHeads,
		"head_dim": &h.HeadDim, "sliding_window": &h.SlidingWindow, "moe_intermediate_size": &h.ExpertFFN,
		"shared_expert_intermediate_size": &h.SharedFFN, "num_experts": &h.NumExperts,
		"num_local_experts": &h.NumLocalExperts, "num_experts_per_tok": &h.ExpertsUsed,
		"n_routed_experts": &h.RoutedExperts, "moe_topk": &h.HunyuanUsed,
		"num_shared_expert": &h.HunyuanShared, "n_shared_experts": &h.SharedExperts,
	}
}

// perLayerLists are the keys of config.json that hold a list with an entry for each layer.
var perLayerLists = []string{"layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers",
	"sliding_window_pattern", "_sliding_window_pattern", "hybrid_layer_pattern", "attention_types", "moe_layer_freq",
	"rope_layers", "is_moe_layer"}

// readLists notes the lists of config.json that have an entry for each layer. Of a list of numbers, the key's number is
// the first.
func (h *HFConfig) readLists(data []byte) {
	var keys map[string]any
	_ = pyjson.Unmarshal(data, &keys) // the caller has read it
	h.lengths, h.each = map[string]int{}, map[string][]int{}
	if word, ok := keys["sliding_window_pattern"].(string); ok && h.family.Letters && strings.Trim(word, "LG") == "" {
		h.windowLetters = word
	}
	for _, key := range perLayerLists {
		if list, ok := keys[key].([]any); ok && len(list) > 0 {
			h.lengths[key] = len(list)
		}
	}
	for key, number := range h.listed() {
		if list, ok := keys[key].([]any); ok && len(list) > 0 {
			if each, ok := wholes(list); ok {
				h.lengths[key], h.each[key], *number = len(list), each, &each[0]
			}
		}
	}
}

// wholes are the whole numbers of a list; false when there is something else in it.
func wholes(list []any) ([]int, bool) {
	each := make([]int, len(list))
	for i, x := range list {
		v, ok := x.(float64)
		if !ok || v != float64(int32(v)) {
			return nil, false
		}
		each[i] = int(v)
	}
	return each, true
}

// checkLists verifies that lists have an entry for each layer, or for each block where some predict further tokens.
func (h *HFConfig) checkLists(layers int) error {
	blocks := layers + h.promised()
	for _, key := range slices.Sorted(maps.Keys(h.lengths)) {
		if n := h.lengths[key]; n != layers && n != blocks {
			return fmt.Errorf("%w: %s has %d entries for %d layers (num_hidden_layers)", formats.ErrCorrupt, key, n, layers)
		}
	}
	return nil
}

// perLayer sets the sizes that differ from layer to layer.
func (h *HFConfig) perLayer(c *Config) error {
	keys := [3]string{"intermediate_size", "num_attention_heads", "num_key_value_heads"}
	for _, key := range slices.Sorted(maps.Keys(h.each)) {
		each := h.each[key]
		if i := slices.IndexFunc(each, func(n int) bool { return n != each[0] }); i >= 0 && !slices.Contains(keys[:], key) {
			return fmt.Errorf("%w: %s differs from layer to layer: it is %d in layer 0 and %d in layer %d",
				formats.ErrUnsupported, key, each[0], each[i], i)
		}
	}
	if h.each[keys[0]] != nil || h.each[keys[1]] != nil || h.each[keys[2]] != nil {
		c.setPerLayer(h.each[keys[0]], h.each[keys[1]], h.each[keys[2]])
	}
	return nil
}

// kinds fails for layers of a kind that no family here has.
func (h *HFConfig) kinds() error {
	known := []string{"full_attention", "sliding_attention", "attention"}
	if i := slices.IndexFunc(h.LayerTypes, func(s string) bool { return !slices.Contains(known, s) }); i >= 0 {
		return fmt.Errorf("%w: layer_types says that layer %d is of kind %q", formats.ErrUnsupported, i, h.LayerTypes[i])
	}
	return nil
}
