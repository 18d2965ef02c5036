package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// jsonFile is tokenizer.json, the format of Hugging Face's tokenizers.
type jsonFile struct {
	AddedTokens   []jsonToken     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor *processor      `json:"post_processor"`
	Model         jsonModel       `json:"model"`

	dir    folder
	vocab  []entry
	pieces []keyValue // the vocabulary of a SentencePiece model in the same folder, as GGUF metadata; nil: none
}

type jsonToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type jsonModel struct {
	Type                    string          `json:"type"`
	Vocab                   json.RawMessage `json:"vocab"` // an object; a list of [token, score] for Unigram
	Merges                  json.RawMessage `json:"merges"`
	Dropout                 *float64        `json:"dropout"`
	ContinuingSubwordPrefix *string         `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string         `json:"end_of_word_suffix"`
	ByteFallback            bool            `json:"byte_fallback"`
	FuseUnk                 bool            `json:"fuse_unk"`
	IgnoreMerges            bool            `json:"ignore_merges"`
	UnkToken                string          `json:"unk_token"` // BPE, WordPiece
	UnkID                   *int32          `json:"unk_id"`    // Unigram
	MaxInputChars           *int            `json:"max_input_chars_per_word"`
}

// FromFolder reads the tokenizer of a Hugging Face checkpoint: tokenizer.json, or else SentencePiece's tokenizer.model.
// The tokens that begin and end a text come from tokenizer_config.json and config.json, where these exist. Parts of
// Hugging Face's tokenizers that are not known give formats.ErrUnsupported, damaged files formats.ErrCorrupt.
func FromFolder(dir string) (*Tokenizer, error) { return FromFS(os.DirFS(dir), dir) }

// FromFS is FromFolder for any file system; name is the folder's name in errors.
func FromFS(files fs.FS, name string) (*Tokenizer, error) {
	dir := folder{files, name}
	path := dir.path("tokenizer.json")
	data, err := fs.ReadFile(files, "tokenizer.json")
	if errors.Is(err, fs.ErrNotExist) {
		if t, err := dir.sentencePiece(); t != nil || err != nil {
			return t, err
		}
		return nil, fmt.Errorf("%s has no tokenizer: tokenizer.json: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	var f jsonFile
	if err := decodeJSON(path, data, &f); err != nil {
		return nil, err
	}
	f.dir = dir
	t, err := f.open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// folder is a set of files and its name.
type folder struct {
	files fs.FS
	name  string
}

func (d folder) path(file string) string { return filepath.Join(d.name, file) }

// readJSON decodes a file into v; a missing file leaves v unchanged.
func (d folder) readJSON(file string, v any) error {
	return pyjson.Corrupt(d.path(file), d.decode(file, v))
}

// lenientJSON is readJSON for a file whose values nobody needs: those that do not fit become warnings.
func (d folder) lenientJSON(file string, v any) (warnings []string, err error) {
	return pyjson.Lenient(d.path(file), d.decode(file, v))
}

func (d folder) decode(file string, v any) error {
	data, err := fs.ReadFile(d.files, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return pyjson.Unmarshal(data, v)
}

// decodeJSON decodes a file's content; its error is formats.ErrCorrupt with the file and the offset.
func decodeJSON(path string, data []byte, v any) error {
	return pyjson.Corrupt(path, pyjson.Unmarshal(data, v))
}

// open builds the tokenizer that the file describes.
func (f *jsonFile) open() (*Tokenizer, error) {
	t := &Tokenizer{BOS: -1, EOS: -1, unk: -1}
	var build func(*Tokenizer, cut) (describe, error)
	switch f.Model.Type {
	case "BPE", "":
		build = f.bpe
	case "Unigram":
		build = f.unigram
	case "WordPiece":
		build = f.wordPiece
	default:
		return nil, fmt.Errorf("%w: a tokenizer of the type %q", formats.ErrUnsupported, f.Model.Type)
	}
	pre := cut{}
	if err := pre.add(f.PreTokenizer); err != nil {
		return nil, err
	}
	t.prefixSpace, t.firstMark = pre.prefixSpace, pre.firstMark
	var err error
	if t.normalize, err = normalizer(f.Normalizer); err != nil {
		return nil, err
	}
	s, err := readSpecial(f.dir, f.PostProcessor, f.AddedTokens)
	if err != nil {
		return nil, err
	}
	t.Warnings = append(t.Warnings, s.warnings...)
	if f.vocab, err = f.entries(); err != nil {
		return nil, err
	}
	added, err := f.vocabulary(t, s)
	if err != nil {
		return nil, err
	}
	if err := t.settle(s); err != nil {
		return nil, err
	}
	d, err := build(t, pre)
	if err != nil {
		return nil, err
	}
	t.setAdded(added)
	if m, err := f.dir.readSentencePiece(); err != nil {
		t.warn(fmt.Sprintf("%v; GGUF files get the vocabulary of tokenizer.json", err))
	} else if m != nil {
		if f.pieces, err = m.metadata(f.dir); err != nil {
			return nil, err
		}
	}
	return t, t.finish(f.dir, s, d, f.Normalizer)
}
