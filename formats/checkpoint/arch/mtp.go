package arch

import (
	"fmt"
	"strconv"
	"strings"

	"bitmill/formats"
)

// MTP is what becomes of blocks behind the layers that predict further tokens (multi-token prediction, arXiv
// 2412.19437). The forward pass of the model does without them; llama.cpp drafts tokens with them.
type MTP uint8

const (
	DefaultMTP MTP = iota // what llama.cpp's converter does with the family's
	KeepMTP
	DropMTP
)

// predictors says whether files of a family may have such blocks.
type predictors uint8

const (
	noPredictors predictors = iota // the architecture has no place for them
	leftOut                        // it has, yet the converter leaves them out
	kept
)

// predictor lists what such a block has beside the tensors of a layer: the hidden state of the last layer and the
// embedding of the next token, both normalized, go through one matrix into the layer.
var predictor = []tensorSpec{
	{HF: "eh_proj.weight", GGUF: "nextn.eh_proj.weight", Shape: []dim{width, twoWidth}},
	vector("enorm.weight", "nextn.enorm.weight", width, always),
	vector("hnorm.weight", "nextn.hnorm.weight", width, always),
	vector("shared_head.norm.weight", "nextn.shared_head_norm.weight", width, always),
	{HF: "shared_head.head.weight", GGUF: "nextn.shared_head_head.weight", Shape: []dim{vocab, width}, Need: optional},
	{HF: "embed_tokens.weight", GGUF: "nextn.embed_tokens.weight", Shape: []dim{vocab, width}, Need: optional},
}

func twoWidth(c *Config) int { return 2 * c.Width }

// SetMTP decides on the blocks that predict further tokens, before all else.
func (h *HFConfig) SetMTP(m MTP) error {
	if m == KeepMTP && h.family.Predictors == noPredictors {
		return fmt.Errorf("%w: GGUF files of architecture %s have no place for the blocks that predict further tokens; "+
			"leave out --mtp", formats.ErrUnsupported, h.family.Arch)
	}
	h.mtp = m
	return nil
}

// promised is the number of blocks behind the layers that config.json tells of.
func (h *HFConfig) promised() int {
	for _, n := range []*int{h.NextN, h.MTPLayers} {
		if n != nil && *n > 0 {
			return min(*n, maxLayers)
		}
	}
	return 0
}

// countMTP counts the blocks of a checkpoint whose config.json does not tell of them.
func (h *HFConfig) countMTP(c *Config, names []string) {
	if h.promised() > 0 {
		return
	}
	blocks := 0
	for _, name := range names {
		if folded := fold(name); predictorName(folded, 0) != folded {
			blocks = max(blocks, blockOf(predictorName(folded, 0))+1)
		}
	}
	if h.MTPLayers = &blocks; blocks > 0 && h.keepsMTP() {
		c.NextN = blocks
	}
}

// keepsMTP reports whether files are to have those blocks.
func (h *HFConfig) keepsMTP() bool {
	return h.mtp == KeepMTP || h.mtp == DefaultMTP && h.family.Predictors == kept
}

// CheckMTP fails when blocks that predict further tokens are wanted and there are none. It is meant for after Names.
func (h *HFConfig) CheckMTP(c *Config) error {
	if h.mtp == KeepMTP && (c.NextN == 0 || h.noPredictors) {
		return fmt.Errorf("%w: the model has no blocks that predict further tokens; leave out --mtp", formats.ErrUnsupported)
	}
	return nil
}

// predictorName is the name, as DeepSeek has it, of a tensor that Qwen and others name apart from the layers: mtp.fc is
// the matrix of the first block, mtp.layers.0 its layer.
func predictorName(folded string, layers int) string {
	rest, ok := strings.CutPrefix(folded, "mtp.")
	if !ok {
		return folded
	}
	part, end, _ := strings.Cut(rest, ".")
	if number, name, ok := strings.Cut(end, "."); ok && part == "layers" {
		if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < maxLayers {
			return fmt.Sprintf("layers.%d.%s", layers+i, name)
		}
	}
	own := map[string]string{"fc": "eh_proj", "pre_fc_norm_embedding": "enorm", "pre_fc_norm_hidden": "hnorm",
		"norm": "shared_head.norm"}[part]
	if own == "" {
		return folded
	}
	return fmt.Sprintf("layers.%d.%s.%s", layers, own, end)
}
