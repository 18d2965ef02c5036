package tokenizer

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// namedTokens are the tokens of tokenizer_config.json and of the older files beside it.
type namedTokens struct {
	standard []string    // bos_token, eos_token ... in transformers' order
	extra    []string    // of other keys, and extra_special_tokens
	decoder  []jsonToken // added_tokens_decoder, by id
	legacy   bool        // decoder is from added_tokens.json
}

// names reports whether a text is one of the special tokens with a name.
func (n *namedTokens) names(text string) bool {
	return slices.Contains(n.standard, text) || slices.Contains(n.extra, text)
}

// standardTokens are transformers' SPECIAL_TOKENS_ATTRIBUTES.
var standardTokens = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
	"mask_token"}

// readNamed reads them. As in transformers, special_tokens_map.json and added_tokens.json count only where
// tokenizer_config.json has no added_tokens_decoder.
func readNamed(dir folder, usual map[string]string) (*namedTokens, error) {
	n := &namedTokens{}
	var config members
	if err := config.read(dir, "tokenizer_config.json"); err != nil {
		return nil, err
	}
	raw, given := config.values["added_tokens_decoder"]
	if n.legacy = !given || pyjson.Null(raw); n.legacy {
		if err := config.read(dir, "special_tokens_map.json"); err != nil {
			return nil, err
		}
	}
	for _, key := range standardTokens {
		text := usual[key]
		if raw, ok := config.values[key]; ok {
			text = tokenText(raw)
		}
		if text != "" {
			n.standard = append(n.standard, text)
		}
	}
	for _, key := range config.keys {
		var text string
		if strings.HasSuffix(key, "_token") && !slices.Contains(standardTokens, key) &&
			pyjson.Unmarshal(config.values[key], &text) == nil && text != "" {
			n.extra = append(n.extra, text)
		}
	}
	n.extra = append(n.extra, extraTokens(config)...)
	if n.legacy {
		return n, n.readAddedFile(dir)
	}
	return n, n.readDecoder(dir, raw)
}

// tokenText is the text of a token that is written as a text or as an object with its content.
func tokenText(raw json.RawMessage) (text string) {
	if pyjson.Unmarshal(raw, &text) == nil {
		return text
	}
	var t jsonToken
	if pyjson.Unmarshal(raw, &t) != nil {
		return ""
	}
	return t.Content
}

// extraTokens lists extra_special_tokens, or else additional_special_tokens: a list, or an object by name.
func extraTokens(config members) (all []string) {
	for _, key := range []string{"extra_special_tokens", "additional_special_tokens"} {
		var list []json.RawMessage
		var byName members
		if raw := config.values[key]; len(raw) > 0 && pyjson.Unmarshal(raw, &list) != nil && byName.add(raw) == nil {
			for _, name := range byName.keys {
				list = append(list, byName.values[name])
			}
		}
		for _, raw := range list {
			if text := tokenText(raw); text != "" {
				all = append(all, text)
			}
		}
		if len(all) > 0 {
			break
		}
	}
	return all
}

// members are those of JSON objects, in their order.
type members struct {
	keys   []string
	values map[string]json.RawMessage
}

// read adds those of a file; a missing file has none.
func (m *members) read(dir folder, file string) error {
	data, err := dir.readFile(file)
	if data == nil || err != nil {
		return err
	}
	return pyjson.Corrupt(dir.path(file), m.add(data))
}

// add adds those of an object; a key that is there gets the new value.
func (m *members) add(data []byte) error {
	var values map[string]json.RawMessage
	if err := pyjson.Unmarshal(data, &values); err != nil {
		return err
	}
	if m.values == nil {
		m.values = map[string]json.RawMessage{}
	}
	for _, key := range pyjson.Keys(data) {
		if _, ok := m.values[key]; !ok {
			m.keys = append(m.keys, key)
		}
		m.values[key] = values[key]
	}
	return nil
}

// readDecoder reads added_tokens_decoder: tokens by id, whose order it is all that counts of the ids.
func (n *namedTokens) readDecoder(dir folder, raw json.RawMessage) error {
	var byID map[string]struct {
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized *bool  `json:"normalized"` // default: not special
		Special    bool   `json:"special"`
	}
	path := dir.path("tokenizer_config.json")
	if err := pyjson.Unmarshal(raw, &byID); err != nil {
		return formats.Corruptf(path, -1, "added_tokens_decoder", "%v", err)
	}
	for key, e := range byID {
		id, err := strconv.Atoi(key)
		if err != nil || id < 0 || id >= mostTokens {
			return formats.Corruptf(path, -1, "added_tokens_decoder", "the id %q", key)
		}
		t := jsonToken{ID: int32(id), Content: e.Content, SingleWord: e.SingleWord, LStrip: e.LStrip, RStrip: e.RStrip,
			Normalized: !e.Special, Special: e.Special || n.names(e.Content)}
		if e.Normalized != nil {
			t.Normalized = *e.Normalized
		}
		n.decoder = append(n.decoder, t)
	}
	slices.SortFunc(n.decoder, func(a, b jsonToken) int { return int(a.ID - b.ID) })
	return nil
}

// readAddedFile reads added_tokens.json: ids by text.
func (n *namedTokens) readAddedFile(dir folder) error {
	var added map[string]int32
	if err := dir.readJSON("added_tokens.json", &added); err != nil {
		return err
	}
	for text, id := range added {
		if id < 0 || id >= mostTokens {
			return formats.Corruptf(dir.path("added_tokens.json"), -1, text, "the id %d", id)
		}
		special := n.names(text)
		n.decoder = append(n.decoder, jsonToken{ID: id, Content: text, Special: special, Normalized: !special})
	}
	slices.SortFunc(n.decoder, func(a, b jsonToken) int { return int(a.ID - b.ID) })
	return nil
}
