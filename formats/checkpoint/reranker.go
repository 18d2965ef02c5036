package checkpoint

import (
	"slices"
	"strings"

	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/store"
)

// tellReranker warns of a folder of Qwen3-Reranker, which its names or its model card tell from a language model.
// llama.cpp's converter makes a classifier of the output matrix's rows of "yes" and "no".
func (c *Checkpoint) tellReranker(h *arch.HFConfig) {
	if c.Config.Arch != "qwen3" && c.Config.Arch != "qwen3vl" {
		return
	}
	card, _ := store.ReadFile(store.Join(c.Path, "README.md"))
	names := []string{store.Base(c.Path), h.NameOrPath, string(card)}
	if slices.ContainsFunc(names, func(s string) bool {
		s = strings.ToLower(s)
		return strings.Contains(s, "qwen3-reranker") || strings.Contains(s, "qwen3-vl-reranker")
	}) {
		c.Warnings = append(c.Warnings, "the model is a reranker, but only its language model is converted: the GGUF file has "+
			"no classifier, without which llama.cpp does not rank")
	}
}
