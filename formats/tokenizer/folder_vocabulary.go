package tokenizer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// mostTokens bounds ids, so that a damaged file cannot ask for any amount of memory.
const mostTokens = 1 << 24

// entry is a token of the vocabulary.
type entry struct {
	text  string
	id    int32
	score float64 // of Unigram
}

// entries reads the vocabulary: an object of ids by text, or a list of texts and scores.
func (f *jsonFile) entries() ([]entry, error) {
	if pyjson.Null(f.Model.Vocab) {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "it is missing")
	}
	if f.Model.Type == "Unigram" {
		var list [][2]any
		if err := pyjson.Unmarshal(f.Model.Vocab, &list); err != nil {
			return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "%v", err)
		}
		all := make([]entry, len(list))
		for id, e := range list {
			text, isText := e[0].(string)
			score, isScore := e[1].(float64)
			if !isText || !isScore || math.IsInf(score, 0) || math.IsNaN(score) {
				return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab",
					"entry %d is not a token with a score", id)
			}
			all[id] = entry{text, int32(id), score}
		}
		return all, nil
	}
	var vocab map[string]int32
	if err := pyjson.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "%v", err)
	}
	all := make([]entry, 0, len(vocab))
	for text, id := range vocab {
		all = append(all, entry{text, id, 0})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.text, b.text)) })
	return all, nil
}

// vocabulary fills tokens and kinds by the rules of llama.cpp's converter (conversion/base.py, get_vocab_base) and
// returns the added tokens.
func (f *jsonFile) vocabulary(t *Tokenizer) ([]addedToken, error) {
	top := int32(-1)
	for _, e := range f.vocab {
		top = max(top, e.id)
	}
	for _, a := range f.AddedTokens {
		top = max(top, a.ID)
	}
	if top < 0 || top >= mostTokens {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "the highest id is %d", top)
	}
	t.tokens, t.kinds = make([]string, top+1), make([]Kind, top+1)
	for id := range t.kinds {
		t.tokens[id], t.kinds[id] = padding(id), Unused
	}
	for _, e := range f.vocab {
		if e.id < 0 {
			return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "token %q has the id %d", e.text, e.id)
		}
		t.tokens[e.id], t.kinds[e.id] = e.text, Normal
	}
	added := make([]addedToken, 0, len(f.AddedTokens))
	for _, a := range f.AddedTokens {
		kind := UserDefined
		if (a.Special || looksSpecial(a.Content)) && !slices.Contains(f.dir.Shown, a.Content) {
			kind = Control
		}
		t.tokens[a.ID], t.kinds[a.ID] = a.Content, kind
		added = append(added, addedToken{id: a.ID, text: a.Content, special: kind == Control,
			lstrip: a.LStrip, rstrip: a.RStrip, singleWord: a.SingleWord, normalized: a.Normalized})
	}
	return added, nil
}

// padding is the converter's name for an id without a token.
func padding(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// looksSpecial reports whether the converter makes an added token special whatever the file says, because some models
// do not mark theirs.
func looksSpecial(s string) bool {
	switch s {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	return strings.HasPrefix(s, "<|") && strings.HasSuffix(s, "|>") ||
		strings.HasPrefix(s, "<｜") && strings.HasSuffix(s, "｜>") ||
		strings.HasPrefix(s, "<unused") && strings.HasSuffix(s, ">")
}

// parseMerges reads merges in either form, "a b" or ["a", "b"].
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var lines []string
	if pyjson.Unmarshal(raw, &lines) == nil {
		return cutMerges(lines), nil
	}
	var pairs [][2]string
	if err := pyjson.Unmarshal(raw, &pairs); err != nil {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.merges",
			"neither a list of strings nor of pairs: %v", err)
	}
	return pairs, nil
}
