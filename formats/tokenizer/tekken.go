package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"

	"bitmill/formats"
)

// tekkenFile is tekken.json, Mistral's format: the special tokens first, then tokens of bytes by rank.
type tekkenFile struct {
	Config struct {
		Pattern string `json:"pattern"`
		Size    *int   `json:"default_vocab_size"`
		Special *int   `json:"default_num_special_tokens"`
	} `json:"config"`
	Vocab []struct {
		Bytes []byte `json:"token_bytes"`
	} `json:"vocab"`
	Special []struct {
		Rank int    `json:"rank"`
		Text string `json:"token_str"`
	} `json:"special_tokens"`
}

// tekkenTokens are the special tokens of files that do not list them (mistral-common, DEPRECATED_SPECIAL_TOKENS).
var tekkenTokens = []string{"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
	"[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]",
	"[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"}

// tekken opens tekken.json. Unless tokenizer_config.json says otherwise, <s> is put before a text.
func (d folder) tekken() (*Tokenizer, error) {
	path := d.path("tekken.json")
	data, err := d.readFile("tekken.json")
	if data == nil || err != nil {
		return nil, err
	}
	var k tekkenFile
	if err := decodeJSON(path, data, &k); err != nil {
		return nil, err
	}
	special, err := k.special(path)
	if err != nil {
		return nil, err
	}
	if k.Config.Size != nil {
		k.Vocab = k.Vocab[:min(len(k.Vocab), max(0, *k.Config.Size-len(special)))]
	}
	if len(k.Vocab) == 0 || k.Config.Pattern == "" {
		return nil, formats.Corruptf(path, -1, "vocab", "%d tokens, and the pattern %q", len(k.Vocab), k.Config.Pattern)
	}
	r := &ranked{shift: int32(len(special))}
	for _, v := range k.Vocab {
		r.tokens = append(r.tokens, string(v.Bytes))
	}
	f := r.file(d, k.Config.Pattern)
	for id, text := range special {
		f.vocab = append(f.vocab, entry{text, int32(id), 0})
		f.AddedTokens = append(f.AddedTokens, jsonToken{ID: int32(id), Content: text, Special: true})
	}
	f.PostProcessor = startsWith("<s>")
	f.usual = map[string]string{}
	for key, text := range map[string]string{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
		"pad_token": "<pad>"} {
		if slices.Contains(special, text) {
			f.usual[key] = text
		}
	}
	return f.openAs(path)
}

// startsWith is a post-processor that puts a token before a text.
func startsWith(token string) *processor {
	return &processor{Type: "TemplateProcessing", Single: []json.RawMessage{
		fmt.Appendf(nil, `{"SpecialToken":{"id":%q}}`, token), json.RawMessage(`{"Sequence":{"id":"A"}}`)}}
}

// special lists the special tokens by id, with fillers up to their number.
func (k *tekkenFile) special(path string) ([]string, error) {
	texts := tekkenTokens
	if k.Special != nil {
		texts = make([]string, len(k.Special))
		for _, s := range k.Special {
			if s.Rank < 0 || s.Rank >= len(texts) || texts[s.Rank] != "" || s.Text == "" {
				return nil, formats.Corruptf(path, -1, "special_tokens", "token %q of the rank %d", s.Text, s.Rank)
			}
			texts[s.Rank] = s.Text
		}
	}
	n := len(texts)
	if k.Config.Special != nil {
		n = *k.Config.Special
	}
	if n < len(texts) || n >= mostTokens {
		return nil, formats.Corruptf(path, -1, "default_num_special_tokens", "%d, with %d special tokens", n, len(texts))
	}
	texts = slices.Clone(texts)
	for len(texts) < n {
		texts = append(texts, fmt.Sprintf("<SPECIAL_%d>", len(texts)))
	}
	return texts, nil
}
