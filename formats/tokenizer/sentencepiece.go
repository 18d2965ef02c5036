package tokenizer

import (
	"fmt"
	"io/fs"
	"math"
	"slices"

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

	notes   []string       // added tokens that are not where a file says
	rowless map[int]string // tokens without a row of the embedding, which are left out
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
	names, err := fs.Glob(d.files, "tokenizer.model.v*") // Mistral's, by version
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(sentencePieceFiles, names) {
		data, err := d.readFile(name)
		if err != nil {
			return nil, err
		}
		if data == nil || isTiktoken(data) {
			continue
		}
		return parseSentencePiece(d.path(name), data)
	}
	return nil, nil
}

// parseSentencePiece reads a model; the defaults are those of the format.
func parseSentencePiece(path string, data []byte) (*sentencePiece, error) {
	m := &sentencePiece{path: path, unigram: true, prefix: true, extraSpaces: true, rowless: map[int]string{}}
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
	s, err := readSpecial(d, nil, nil, nil)
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
	for _, sentence := range []string{m.told(), rowlessTokens(m.rowless, d.Rows)} {
		if sentence != "" {
			t.warn(sentence)
		}
	}
	t.metadata, t.Warnings = nil, append(t.Warnings, s.warnings...)
	return t, t.finish(d, s, func(string) []keyValue { return list }, nil)
}
