package arch

import (
	"fmt"
	"slices"
	"strings"
)

// Names matches the names of a checkpoint's tensors with those of the tables, and knows which tensors beside them the
// model does without.
type Names struct {
	table      map[string]string // folded name -> the table's
	layers     int
	predictors map[int]bool // blocks behind the layers that predict further tokens
	kept       int          // number of those that stay
	dropped    []string
}

// Names prepares for the names of a checkpoint's tensors. It notes how experts are stacked, which decides on Tensors.
func (h *HFConfig) Names(c *Config, names []string) *Names {
	h.countMTP(c, names)
	list := h.family.tensors(c)
	n := &Names{table: make(map[string]string, len(list)), predictors: map[int]bool{}, dropped: h.family.Dropped}
	for _, e := range list {
		for _, s := range e.Sources {
			n.table[fold(s.HF)] = s.HF
		}
	}
	for name := range h.Scalars(&Config{Layers: min(max(c.Layers, 0), maxLayers)}) {
		n.table[fold(name)] = name
	}
	if h.Layers != nil {
		n.layers = *h.Layers
	}
	n.kept = c.NextN
	for i := n.kept; i < h.promised(); i++ {
		n.predictors[n.layers+i] = true
	}
	h.stacking, h.noPredictors = eachExpert, c.NextN > 0
	for _, name := range names {
		folded := n.fold(name)
		block := blockOf(folded)
		if block >= n.layers && block < n.layers+n.kept {
			h.noPredictors = false
		}
		switch {
		case block >= n.layers+n.kept && slices.ContainsFunc(predicting, func(s string) bool {
			return strings.Contains(folded, s)
		}):
			n.predictors[block] = true
		case strings.HasSuffix(folded, ".mlp.experts.gate_up_proj"):
			h.stacking = fusedExperts
		case strings.HasSuffix(folded, ".mlp.experts.gate_proj"):
			h.stacking = stackedExperts
		}
	}
	return n
}

// fold makes names equal that different programs give to one tensor.
func (n *Names) fold(name string) string {
	if name = fold(name); n.kept > 0 {
		name = predictorName(name, n.layers)
	}
	return name
}

// NoteShape notes, by the shape of a tensor, that the experts of a layer are stacked as [expert][input][output].
func (h *HFConfig) NoteShape(c *Config, name string, shape []int64) {
	columns := func(n tensorSpec) bool { return n.Need == fusedColumns }
	if h.stacking != fusedExperts || c.Experts == nil || !slices.ContainsFunc(h.family.Layer, columns) {
		return
	}
	end, want := ".mlp.experts.down_proj", []int64{int64(c.Experts.Count), int64(c.Experts.FFN), int64(c.Width)}
	if c.Experts.FFN == c.Width { // square
		end, want = ".mlp.experts.gate_up_proj", []int64{want[0], want[2], 2 * want[1]}
	}
	if strings.HasSuffix(fold(name), end) && slices.Equal(shape, want) {
		h.stacking = fusedColumns
	}
}

// Table is the table's name of a tensor; of an unknown one, the name as it is.
func (n *Names) Table(name string) string {
	if known, ok := n.table[n.fold(name)]; ok {
		return known
	}
	return name
}

// Beyond reports whether a tensor belongs to a block at or behind the number of layers.
func (n *Names) Beyond(name string) bool { return blockOf(n.fold(name)) >= n.layers }

// Extra says what a tensor is that the model's output does not depend on; it is empty for all others.
func (n *Names) Extra(name string) string {
	folded := n.fold(name)
	table, known := n.table[folded]
	switch {
	case slices.Contains(n.dropped, table):
		return "a second copy of the embedding"
	case known:
		return ""
	case n.predictors[blockOf(folded)]:
		return "layers that predict further tokens"
	}
	for _, x := range extras {
		for _, part := range x.parts {
			prefix, starts := strings.CutPrefix(part, "^")
			if starts && strings.HasPrefix(folded, prefix) || !starts && strings.HasSuffix("."+folded, part) {
				return x.kind
			}
		}
	}
	return ""
}

// extras lists the ends, or behind a ^ the beginnings, of the names of known extras.
var extras = []struct {
	kind  string
	parts []string
}{
	{"caches of rotary embeddings", []string{"rotary_emb.inv_freq", "rotary_emb.original_inv_freq",
		"rotary_emb.cos_cached", "rotary_emb.sin_cached", "rotary_pos_emb.inv_freq", ".rope.freqs", ".rope_freqs"}},
	{"masks of attention and lists of positions", []string{".attn.bias", ".attn.masked_bias", ".attention.bias",
		".attention.masked_bias", ".self_attn.masked_bias", ".causal_mask", ".position_ids"}},
	{"layers that predict further tokens", []string{"^mtp.", "^mtp_", "^nextn."}},
	{"encoders of images and sound", []string{"^vision_tower.", "^vision_model.", "^vision_encoder.",
		"^vision_embed_tokens.", "^visual.", "^multi_modal_projector.", "^mm_projector.", "^audio_tower.", "^audio_encoder.",
		"^audio_projector.", "^embed_vision.", "^embed_audio.", "^connector.", "^image_newline", "^vision_embedder.",
		"^vision_projection.", "^vision_projector.", "^vision_adapter.", "^vision_resampler.", "^audio_model.",
		"^audio_embedder.", "^image_projector.", "^patch_merger.", "^projector.", "^resampler.", "^merger.", "^mlp1.", "^vit.",
		"^vpm.", "^apm.", "^siglip2.", "^sound_encoder.", "^sound_projection."}},
	{"a speaker's voice", []string{"^talker.", "^token2wav.", "^code2wav.", "^code_predictor."}},
}

// predicting are parts of the names in a block that predicts further tokens, as DeepSeek V3 calls them.
var predicting = []string{".eh_proj.", ".enorm.", ".hnorm.", ".shared_head."}

// prefixes stand before the names of a decoder's tensors, none, one or several, depending on the class that saved them.
var prefixes = []string{"model.", "language_model.", "text_model.", "thinker.", "transformer.", "gpt_neox.", "backbone.", "module.",
	"_orig_mod."}

// stacks are the names of stacked experts, which some programs save as modules with a weight.
var stacks = []string{".mlp.experts.gate_up_proj", ".mlp.experts.gate_proj", ".mlp.experts.up_proj",
	".mlp.experts.down_proj"}

// fold makes names equal that different programs give to one tensor.
func fold(name string) string {
	for i := 0; i < len(prefixes); i++ {
		if rest, ok := strings.CutPrefix(name, prefixes[i]); ok {
			name, i = rest, -1
		}
	}
	if rest, ok := strings.CutPrefix(name, "h."); ok {
		name = "layers." + rest
	}
	if !strings.HasPrefix(name, "layers.") {
		return name
	}
	name = strings.Replace(name, ".block_sparse_moe.", ".mlp.", 1)
	name = strings.Replace(name, ".switch_mlp.", ".experts.", 1) // mlx_lm
	name = strings.Replace(name, "e_score_correction.bias", "e_score_correction_bias", 1)
	if stem, ok := strings.CutSuffix(name, ".weight"); ok {
		if slices.ContainsFunc(stacks, func(s string) bool { return strings.HasSuffix(stem, s) }) {
			return stem
		}
	}
	return name
}

// blockOf is the number of the block that a folded name belongs to; -1 for none.
func blockOf(folded string) int {
	var block int
	if _, err := fmt.Sscanf(folded, "layers.%d.", &block); err != nil || block < 0 {
		return -1
	}
	return block
}
