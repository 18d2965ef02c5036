package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/store"
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
	merges [][2]string       // nil: in Model.Merges
	usual  map[string]string // special tokens where tokenizer_config.json does not name them
	listed int               // number of AddedTokens that files list; the others are only named
	named  map[string]bool   // special tokens that tokenizer_config.json names in any way
	pieces []keyValue        // the vocabulary of a SentencePiece model in the same folder, as GGUF metadata; nil: none
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

// FromFolder reads the tokenizer of a Hugging Face checkpoint: tokenizer.json, or else one of the older forms (forms).
// The tokens that begin and end a text come from tokenizer_config.json and config.json, where these exist. Parts of
// Hugging Face's tokenizers that are not known give formats.ErrUnsupported, damaged files formats.ErrCorrupt.
func FromFolder(dir string) (*Tokenizer, error) { return FromFolderWith(dir, FolderOptions{}) }

// FolderOptions say what a model makes of the tokenizer in its folder, as llama.cpp's converter does.
type FolderOptions struct {
	// Rows of the embedding; 0: any number. Tokens without a row are left out with a warning; tokens that words are merged
	// from must have one.
	Rows int

	Forced []Forced // special tokens where the folder names none
	Shown  []string // added tokens that are text, although the folder calls them special
}

// Forced names an added token, by its text, as a special one: bos, eos, unk, eot or eom.
type Forced struct{ Name, Text string }

// FromFolderWith is FromFolder for a certain model.
func FromFolderWith(dir string, o FolderOptions) (*Tokenizer, error) {
	return folder{store.FS(dir), dir, o}.open()
}

// FromFS is FromFolder for any file system; name is the folder's name in errors.
func FromFS(files fs.FS, name string) (*Tokenizer, error) {
	return folder{files, name, FolderOptions{}}.open()
}

// folder is a set of files, its name and what the model makes of them.
type folder struct {
	files fs.FS
	name  string
	FolderOptions
}

func (d folder) path(file string) string { return store.Join(d.name, file) }

// has reports whether an id has a row of the embedding.
func (d folder) has(id int32) bool { return d.Rows == 0 || int(id) < d.Rows }

// forms are the files that hold a tokenizer, in the order in which they are looked for; the functions return nil where
// the folder has no such file.
var forms = []func(folder) (*Tokenizer, error){
	folder.tokenizerJSON, folder.sentencePiece, folder.vocabJSON, folder.tekken, folder.tiktoken,
}

func (d folder) open() (*Tokenizer, error) {
	for _, form := range forms {
		if t, err := form(d); t != nil || err != nil {
			return t, err
		}
	}
	return nil, d.missing()
}

// missing says that there is no tokenizer, or none that can be read.
func (d folder) missing() error {
	for _, pattern := range []string{"vocab.txt", "vocab.json", "*vocab*.txt", "tokenization_*.py", "tokenizer*.bin"} {
		if found, err := fs.Glob(d.files, pattern); err == nil && len(found) > 0 {
			return fmt.Errorf("%w: the tokenizer of %s is in a form that bitmill does not read (%s); save it as "+
				"tokenizer.json with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
				formats.ErrUnsupported, d.name, found[0])
		}
	}
	return fmt.Errorf("%s has no tokenizer: tokenizer.json: %w", d.name, fs.ErrNotExist)
}

// tokenizerJSON opens tokenizer.json.
func (d folder) tokenizerJSON() (*Tokenizer, error) {
	path := d.path("tokenizer.json")
	data, err := d.readFile("tokenizer.json")
	if data == nil || err != nil {
		return nil, err
	}
	var f jsonFile
	if err := decodeJSON(path, data, &f); err != nil {
		return nil, err
	}
	f.dir = d
	return f.openAs(path)
}

// openAs is open with the file's name in errors.
func (f *jsonFile) openAs(path string) (*Tokenizer, error) {
	t, err := f.open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// readFile reads a file; nil when there is none.
func (d folder) readFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(d.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", d.path(name), err)
	}
	return data, nil
}

// readJSON decodes a file into v; a missing file leaves v unchanged.
func (d folder) readJSON(file string, v any) error {
	return pyjson.Corrupt(d.path(file), d.decode(file, v))
}

// lenientJSON is readJSON for a file whose values nobody needs: those that do not fit become warnings.
func (d folder) lenientJSON(file string, v any) (warnings []string, err error) {
	return pyjson.Lenient(d.path(file), d.decode(file, v))
}

func (d folder) decode(file string, v any) error {
	data, err := d.readFile(file)
	if data == nil || err != nil {
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
	err := checkGrowth(f.Normalizer)
	if err != nil {
		return nil, err
	}
	if t.normalize, err = normalizer(f.Normalizer); err != nil {
		return nil, err
	}
	if err := f.readTokens(t, pre); err != nil {
		return nil, err
	}
	s, err := readSpecial(f.dir, f.PostProcessor, f.AddedTokens[:f.listed], f.usual)
	if err != nil {
		return nil, err
	}
	f.named = s.named()
	t.Warnings = append(t.Warnings, s.warnings...)
	added, err := f.vocabulary(t)
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

// readTokens reads vocabulary and added tokens, leaves out those without a row, and warns of what is unusual.
func (f *jsonFile) readTokens(t *Tokenizer, pre cut) (err error) {
	if f.vocab == nil {
		if f.vocab, err = f.entries(); err != nil {
			return err
		}
	}
	if f.merges == nil {
		if f.merges, err = parseMerges(f.Model.Merges); err != nil {
			return err
		}
	}
	if err := f.tellClass(t, pre); err != nil {
		return err
	}
	moved, err := f.addTokens()
	if err != nil {
		return err
	}
	cut, err := f.cutToRows()
	for _, sentence := range []string{moved, cut} {
		if sentence != "" {
			t.warn(sentence)
		}
	}
	return err
}
