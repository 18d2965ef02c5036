package tokenizer

import (
	"encoding/json"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// settle sets the tokens that begin and end a text.
func (t *Tokenizer) settle(s *special) error {
	for _, e := range s.ids {
		if e.value >= mostTokens {
			return formats.Corruptf("config.json", -1, e.name+"_token_id", "%d", e.value)
		}
	}
	if id, ok := lookUp(s.ids, "bos"); ok {
		t.BOS = int32(id)
	}
	if id, ok := lookUp(s.ids, "eos"); ok {
		t.EOS = int32(id)
	}
	t.AddBOS, t.bosSaid = lookUp(s.add, "bos")
	t.AddEOS, _ = lookUp(s.add, "eos")
	return nil
}

// describe lists the GGUF metadata of a vocabulary, without special tokens and chat template, for an architecture
// (general.architecture).
type describe func(arch string) []keyValue

// finish completes the GGUF metadata of a tokenizer from a folder: tokenizer_config.json's special tokens and chat
// template, tokenizer.json's normalizer.
func (t *Tokenizer) finish(dir folder, s *special, d describe, normalizer json.RawMessage) error {
	if t.AddBOS && t.BOS < 0 || t.AddEOS && t.EOS < 0 {
		t.warn("tokenizer.json adds tokens around every text, but neither tokenizer_config.json nor config.json " +
			"names them; one without a name is not added")
		t.AddBOS, t.AddEOS = t.AddBOS && t.BOS >= 0, t.AddEOS && t.EOS >= 0
	}
	var rest []keyValue
	set := func(key string, v any) { rest = append(rest, keyValue{key, v}) }
	s.keys(set)
	if err := chatTemplate(dir, s.config, set); err != nil {
		return err
	}
	lower, accents := normalizerFlags(normalizer)
	if lower != nil {
		set(keyLowercase, *lower)
	}
	if accents != nil {
		set(keyStripAccents, *accents)
	}
	prefix, said := s.config["add_prefix_space"].(bool)
	t.describe = func(arch string) []keyValue {
		var all []keyValue
		copied := said && slices.Contains(prefixArchitectures, arch)
		if copied {
			all = append(all, keyValue{keyAddPrefix, prefix})
		}
		all = append(append(all, d(arch)...), rest...)
		if said && slices.Contains(prefixBehind, arch) {
			all = append(all, keyValue{keyAddPrefix, prefix})
			copied = true
		}
		prefixless := t.spelling == underlined && !t.leadingSpace
		if prefixless && !copied && !slices.ContainsFunc(all, hasPrefixKey) {
			all = append(all, keyValue{keyAddPrefix, false})
		}
		return all
	}
	return nil
}

func hasPrefixKey(e keyValue) bool { return e.key == keyAddPrefix }

// describeByteBPE lists the metadata of byte-level BPE.
func (f *jsonFile) describeByteBPE(t *Tokenizer, merges [][2]string) describe {
	return func(string) []keyValue {
		// llama.cpp wants the merges also where there are none.
		return []keyValue{{keyModel, "gpt2"}, {keyPre, t.Pre}, {keyTokens, f.written(t)}, {keyTypes, t.types()},
			{keyMerges, joinMerges(merges)}}
	}
}

// describeCharBPE lists the metadata of BPE over characters: merges for Gemma 4, otherwise scores, by which llama.cpp
// merges as SentencePiece does. A token's score falls with the rank of its first merge. (The converter writes -1000 for
// all, and llama.cpp then merges from the left.)
func (f *jsonFile) describeCharBPE(t *Tokenizer, merges [][2]string) describe {
	return func(arch string) []keyValue {
		scores := slices.Repeat([]float32{-1000}, len(t.tokens))
		switch {
		case arch == "gemma4":
			return []keyValue{{keyModel, arch}, {keyTokens, t.tokens}, {keyScores, scores}, {keyTypes, f.namedTypes(t)},
				{keyMerges, joinMerges(merges)}}
		case f.pieces != nil:
			return f.pieces
		}
		rankScores(scores, f.ids(), merges)
		return []keyValue{{keyModel, "llama"}, {keyPre, "default"}, {keyTokens, t.tokens}, {keyScores, scores},
			{keyTypes, t.types()}}
	}
}

// rankScores scores the tokens that merges make by the order of their first merges: 0, -1, -2 ...
func rankScores(scores []float32, ids map[string]int32, merges [][2]string) {
	seen := map[string]bool{}
	for _, p := range merges {
		text := p[0] + p[1]
		if id, ok := ids[text]; ok && !seen[text] {
			scores[id] = float32(-len(seen))
			seen[text] = true
		}
	}
}

// describeUnigram lists the metadata of a unigram model.
func (f *jsonFile) describeUnigram(t *Tokenizer) describe {
	return func(string) []keyValue {
		if f.pieces != nil {
			return f.pieces
		}
		scores := make([]float32, len(t.tokens))
		for i := range scores {
			scores[i] = -10000
		}
		for _, e := range f.vocab {
			scores[e.id] = float32(e.score)
		}
		list := []keyValue{{keyModel, "t5"}, {keyPre, "default"}, {keyTokens, t.tokens}, {keyScores, scores},
			{keyTypes, t.types()}, {keyAddPrefix, t.leadingSpace}, {keyExtraSpaces, true}}
		if c := findCharsmap(f.Normalizer); len(c) > 0 {
			list = append(list, keyValue{keyCharsmap, c})
		}
		return list
	}
}

// describeWordPiece lists the metadata of WordPiece: words with ▁ before them, continuations without ##.
func (f *jsonFile) describeWordPiece(t *Tokenizer) describe {
	return func(string) []keyValue {
		tokens := slices.Clone(t.tokens)
		for id, text := range tokens {
			if t.kinds[id] == Control {
				continue
			}
			if more, ok := strings.CutPrefix(text, "##"); ok {
				tokens[id] = more
			} else {
				tokens[id] = underline + text
			}
		}
		return []keyValue{{keyModel, "bert"}, {keyPre, "bert-bge"}, {keyTokens, tokens}, {keyTypes, t.types()}}
	}
}

// types are the kinds as GGUF holds them.
func (t *Tokenizer) types() []int32 {
	types := make([]int32, len(t.kinds))
	for i, k := range t.kinds {
		types[i] = int32(k)
	}
	return types
}

// written is the spelling of the tokens in GGUF, as llama.cpp's converter has it: added tokens that stand for bytes are
// decoded, and ▁ in added text is a space.
func (f *jsonFile) written(t *Tokenizer) []string {
	tokens := slices.Clone(t.tokens)
	for _, a := range f.AddedTokens {
		if b, ok := appendBytes(nil, a.Content); ok && !a.Normalized {
			tokens[a.ID] = strings.ToValidUTF8(string(b), "\uFFFD")
		}
		if t.kinds[a.ID] == UserDefined {
			tokens[a.ID] = strings.ReplaceAll(tokens[a.ID], "▁", " ")
		}
	}
	return tokens
}

// normalizerFlags reports whether the normalizers lower text and strip accents; nil where they do not say.
func normalizerFlags(raw json.RawMessage) (lower, accents *bool) {
	var n struct {
		Type         string
		Normalizers  []json.RawMessage
		Lowercase    *bool `json:"lowercase"`
		StripAccents *bool `json:"strip_accents"`
	}
	if len(raw) == 0 || pyjson.Unmarshal(raw, &n) != nil {
		return nil, nil
	}
	yes := true
	switch n.Type {
	case "Lowercase":
		return &yes, nil
	case "StripAccents":
		return nil, &yes
	case "BertNormalizer":
		return n.Lowercase, n.StripAccents
	}
	for _, raw := range n.Normalizers {
		l, a := normalizerFlags(raw)
		if l != nil {
			lower = l
		}
		if a != nil {
			accents = a
		}
	}
	return lower, accents
}
