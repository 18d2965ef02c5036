package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// sentencePiece is what encoding needs of a SentencePiece model (sentencepiece_model.proto, ModelProto).
type sentencePiece struct {
	path   string
	pieces []spPiece // by id
	// trainer_spec
	unigram  bool           // else BPE
	fallback bool           // unknown characters are written as their bytes
	ids      []named[int64] // unk, bos, eos
	// normalizer_spec
	charsmap            []byte
	prefix, extraSpaces bool
}

// spPiece is one token; its type has GGUF's values.
type spPiece struct {
	text  string
	score float32
	kind  Kind
}

// sentencePieceFiles are the names of such models in checkpoints.
var sentencePieceFiles = []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"}

// readSentencePiece reads the model of a folder; nil when there is none.
func (d folder) readSentencePiece() (*sentencePiece, error) {
	for _, name := range sentencePieceFiles {
		data, err := fs.ReadFile(d.files, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", d.path(name), err)
		}
		return parseSentencePiece(d.path(name), data)
	}
	return nil, nil
}

// parseSentencePiece reads a model; the defaults are those of the format.
func parseSentencePiece(path string, data []byte) (*sentencePiece, error) {
	m := &sentencePiece{path: path, unigram: true, prefix: true, extraSpaces: true}
	var trainer, normalizer []byte
	err := message{data}.each(path, func(f field) error {
		switch f.number {
		case 1:
			p, err := parsePiece(path, f.bytes)
			m.pieces = append(m.pieces, p)
			return err
		case 2:
			trainer = f.bytes
		case 3:
			normalizer = f.bytes
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kind, unk, bos, eos := uint64(1), uint64(0), uint64(1), uint64(2)
	err = message{trainer}.each(path, func(f field) error {
		switch f.number {
		case 3:
			kind = f.value
		case 35:
			m.fallback = f.value != 0
		case 40:
			unk = f.value
		case 41:
			bos = f.value
		case 42:
			eos = f.value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if kind != 1 && kind != 2 {
		return nil, fmt.Errorf("%s: %w: a SentencePiece model of words or characters (model_type %d)", path,
			formats.ErrUnsupported, kind)
	}
	if len(m.pieces) == 0 || len(m.pieces) > mostTokens {
		return nil, formats.Corruptf(path, -1, "pieces", "%d pieces", len(m.pieces))
	}
	m.unigram = kind == 1
	m.ids = []named[int64]{{"bos", int64(bos)}, {"eos", int64(eos)}, {"unk", int64(unk)}}
	return m, message{normalizer}.each(path, func(f field) error {
		switch f.number {
		case 2:
			m.charsmap = f.bytes
		case 3:
			m.prefix = f.value != 0
		case 4:
			m.extraSpaces = f.value != 0
		}
		return nil
	})
}

func parsePiece(path string, data []byte) (spPiece, error) {
	p := spPiece{kind: Normal}
	err := message{data}.each(path, func(f field) error {
		switch f.number {
		case 1:
			p.text = string(f.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(f.value))
		case 3:
			p.kind = Kind(f.value)
		}
		return nil
	})
	return p, err
}

// sentencePiece opens the tokenizer of a folder without tokenizer.json; nil when it has no SentencePiece model either.
// It encodes as llama.cpp does with the vocabulary that is written for it.
func (d folder) sentencePiece() (*Tokenizer, error) {
	m, err := d.readSentencePiece()
	if m == nil || err != nil {
		return nil, err
	}
	s, err := readSpecial(d, nil, nil)
	if err != nil {
		return nil, err
	}
	list, err := m.metadata(d)
	if err != nil {
		return nil, err
	}
	var vocabulary gguf.Metadata
	for _, e := range list {
		vocabulary.Set(e.key, e.value)
	}
	// The model's own special tokens count where config.json names none. An unknown token other than the usual one has
	// to be written for llama.cpp.
	usual := map[bool]int64{false: 0, true: 2}[m.unigram]
	for _, e := range m.ids {
		key, _ := lookUp(idKeys, e.name)
		if _, ok := lookUp(s.ids, e.name); !ok && e.value >= 0 && e.value < int64(len(m.pieces)) {
			vocabulary.Set(key, uint32(e.value))
			if e.name == "unk" && e.value != usual {
				s.setID("unk", e.value)
			}
		}
	}
	s.keys(vocabulary.Set)
	if !m.prefix {
		vocabulary.Set(keyAddPrefix, false)
	}
	t, err := FromMetadata(&vocabulary)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	if !m.unigram && (m.extraSpaces || len(m.charsmap) > 0) {
		t.warn("the SentencePiece model normalizes characters or spaces before it encodes; " +
			"for BPE models llama.cpp and bitmill do not")
	}
	if u, ok := t.model.(*unigram); ok && m.fallback {
		u.fallback, u.byteID = true, byteTokens(t.byText())
	}
	t.metadata, t.Warnings = nil, append(t.Warnings, s.warnings...)
	return t, t.finish(d, s, func(string) []keyValue { return list }, nil)
}

// metadata lists the keys of the vocabulary as llama.cpp's converter writes them (conversion/base.py,
// _create_vocab_sentencepiece, and t5.py): the pieces, replaced or completed by added_tokens.json and by the
// added_tokens_decoder of tokenizer_config.json.
func (m *sentencePiece) metadata(d folder) ([]keyValue, error) {
	var tokens []string
	var scores []float32
	var types []int32
	set := func(id int, text string, score float32, kind Kind) {
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
