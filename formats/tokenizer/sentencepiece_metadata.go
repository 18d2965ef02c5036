package tokenizer

import (
	"strconv"
	"strings"

	"bitmill/formats"
)

// metadata lists the keys of the vocabulary as llama.cpp's converter writes them (conversion/base.py,
// _create_vocab_sentencepiece, and t5.py): the pieces, replaced or completed by added_tokens.json and by the
// added_tokens_decoder of tokenizer_config.json.
func (m *sentencePiece) metadata(d folder) ([]keyValue, error) {
	var tokens []string
	var scores []float32
	var types []int32
	set := func(id int, text string, score float32, kind Kind) {
		if !d.has(int32(id)) {
			m.rowless[id] = text
			return
		}
		for id >= len(tokens) {
			tokens, scores = append(tokens, padding(len(tokens))), append(scores, -10000)
			types = append(types, int32(Unused))
		}
		tokens[id], scores[id], types[id] = text, score, int32(kind)
	}
	for id, p := range m.pieces {
		kind := p.kind
		if kind == UserDefined {
			kind = Normal // the converter asks for every kind but this one
		}
		set(id, p.text, p.score, kind)
	}
	var added map[string]int
	if err := d.readJSON("added_tokens.json", &added); err != nil {
		return nil, err
	}
	for text, id := range added {
		if id < 0 || id >= mostTokens {
			return nil, formats.Corruptf(d.path("added_tokens.json"), -1, text, "the id %d", id)
		}
		set(id, text, -1000, UserDefined)
	}
	if !m.unigram {
		if err := addedDecoder(d, set); err != nil {
			return nil, err
		}
		return []keyValue{{keyModel, "llama"}, {keyPre, "default"}, {keyTokens, tokens}, {keyScores, scores},
			{keyTypes, types}}, nil
	}
	list := []keyValue{{keyModel, "t5"}, {keyPre, "default"}, {keyTokens, tokens}, {keyScores, scores},
		{keyTypes, types}, {keyAddPrefix, m.prefix}, {keyExtraSpaces, m.extraSpaces}}
	if len(m.charsmap) > 0 {
		list = append(list, keyValue{keyCharsmap, m.charsmap})
	}
	return list, nil
}

// addedDecoder reads the tokens that tokenizer_config.json adds.
func addedDecoder(d folder, set func(id int, text string, score float32, kind Kind)) error {
	var config struct {
		Added map[string]struct {
			Content string
			Special bool
		} `json:"added_tokens_decoder"`
	}
	if err := d.readJSON("tokenizer_config.json", &config); err != nil {
		return err
	}
	for key, a := range config.Added {
		id, err := strconv.Atoi(key)
		if err != nil || id < 0 || id >= mostTokens {
			return formats.Corruptf(d.path("tokenizer_config.json"), -1, "added_tokens_decoder", "the id %q", key)
		}
		if a.Special || looksSpecial(a.Content) {
			set(id, a.Content, -1000, Control)
		} else {
			set(id, strings.ReplaceAll(a.Content, underline, " "), -1000, UserDefined)
		}
	}
	return nil
}
