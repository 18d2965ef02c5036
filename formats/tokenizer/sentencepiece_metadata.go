package tokenizer

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
	if err := m.addTokens(d, set); err != nil {
		return nil, err
	}
	if !m.unigram {
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
