package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bitmill/formats"
)

// jsonFile is tokenizer.json, the format of Hugging Face's tokenizers.
type jsonFile struct {
	AddedTokens   []jsonToken     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor *processor      `json:"post_processor"`
	Model         jsonModel       `json:"model"`

	dir folder
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
	ContinuingSubwordPrefix string          `json:"continuing_subword_prefix"`
	EndOfWordSuffix         string          `json:"end_of_word_suffix"`
	ByteFallback            bool            `json:"byte_fallback"`
	IgnoreMerges            bool            `json:"ignore_merges"`
}

// FromFolder reads the tokenizer of a Hugging Face checkpoint: tokenizer.json, and from tokenizer_config.json and
// config.json, where they exist, which tokens begin and end a text. It fails with ErrUnsupported for tokenizers that
// are not byte-level BPE.
func FromFolder(dir string) (*Tokenizer, error) { return FromFS(os.DirFS(dir), dir) }

// FromFS is FromFolder for files that need not lie on disk; name says in errors where they are.
func FromFS(files fs.FS, name string) (*Tokenizer, error) {
	dir := folder{files, name}
	path := dir.path("tokenizer.json")
	data, err := fs.ReadFile(files, "tokenizer.json")
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := fs.Stat(files, "tokenizer.model"); e == nil {
			return nil, fmt.Errorf("%s: %w: a SentencePiece tokenizer (tokenizer.model)", name, formats.ErrUnsupported)
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

// folder is a set of files and where it is.
type folder struct {
	files fs.FS
	name  string
}

func (d folder) path(file string) string { return filepath.Join(d.name, file) }

// readJSON decodes a file into v; a file that is not there leaves v as it is.
func (d folder) readJSON(file string, v any) error {
	data, err := fs.ReadFile(d.files, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return decodeJSON(d.path(file), data, v)
}

// decodeJSON decodes a file's content; a mistake is ErrCorrupt and names the file and the place.
func decodeJSON(path string, data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	offset := int64(-1)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	} else if errors.As(err, &wrong) {
		offset = wrong.Offset
	}
	return formats.Corruptf(path, offset, "JSON", "%v", formats.JSONError(err))
}

// open builds the tokenizer that the file describes.
func (f *jsonFile) open() (*Tokenizer, error) {
	switch {
	case f.Model.Type == "Unigram" || f.Model.Type == "WordPiece" || f.Model.Type == "WordLevel":
		return nil, fmt.Errorf("%w: a %s tokenizer", formats.ErrUnsupported, f.Model.Type)
	case f.Model.Type != "BPE" && f.Model.Type != "":
		return nil, fmt.Errorf("%w: a tokenizer of the unknown type %q", formats.ErrUnsupported, f.Model.Type)
	case f.Model.ByteFallback:
		return nil, fmt.Errorf("%w: a SentencePiece tokenizer (BPE with byte_fallback)", formats.ErrUnsupported)
	case f.Model.ContinuingSubwordPrefix != "" || f.Model.EndOfWordSuffix != "":
		return nil, fmt.Errorf("%w: BPE with marks at the ends of words (continuing_subword_prefix, end_of_word_suffix)", formats.ErrUnsupported)
	}
	t := &Tokenizer{BOS: -1, EOS: -1}
	pre := cut{}
	if err := pre.add(f.PreTokenizer); err != nil {
		return nil, err
	}
	if !pre.byteLevel {
		return nil, fmt.Errorf("%w: BPE over characters instead of bytes (no ByteLevel pre-tokenizer)", formats.ErrUnsupported)
	}
	t.prefixSpace = pre.prefixSpace
	var err error
	if t.normalize, err = normalizer(f.Normalizer); err != nil {
		return nil, err
	}
	if f.Model.Dropout != nil && *f.Model.Dropout != 0 {
		t.warn(fmt.Sprintf("tokenizer.json asks for BPE dropout of %g; encoding here is without it", *f.Model.Dropout))
	}
	s, err := readSpecial(f.dir, f.PostProcessor, f.AddedTokens)
	if err != nil {
		return nil, err
	}
	added, err := f.vocabulary(t, s)
	if err != nil {
		return nil, err
	}
	merges, err := parseMerges(f.Model.Merges)
	if err != nil {
		return nil, err
	}
	bpe := newByteBPE(t, merges, pre.stages)
	t.model = bpe
	t.setAdded(added)
	if err := t.finish(f, s, bpe, pre.patterns, merges); err != nil {
		return nil, err
	}
	return t, nil
}

// mostTokens bounds ids, so that a damaged file cannot ask for any amount of memory.
const mostTokens = 1 << 24

// vocabulary fills tokens and kinds by the rules of llama.cpp's converter (conversion/base.py, get_vocab_base) and
// returns the added tokens.
func (f *jsonFile) vocabulary(t *Tokenizer, s *special) ([]addedToken, error) {
	var vocab map[string]int32
	if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "%v", err)
	}
	known := map[string]bool{}
	top := int32(-1)
	for _, id := range vocab {
		top = max(top, id)
	}
	for _, a := range f.AddedTokens {
		top = max(top, a.ID)
		known[a.Content] = true
	}
	if top < 0 || top >= mostTokens {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "the highest id is %d", top)
	}
	t.tokens, t.kinds = make([]string, top+1), make([]Kind, top+1)
	for id := range t.kinds {
		t.tokens[id], t.kinds[id] = padding(id), Unused
	}
	for text, id := range vocab {
		if id < 0 {
			return nil, formats.Corruptf("tokenizer.json", -1, "model.vocab", "token %q has the id %d", text, id)
		}
		t.tokens[id], t.kinds[id] = text, Normal
	}
	all := f.AddedTokens
	// A special token that tokenizer_config.json names and only the vocabulary holds is added, as transformers adds it.
	for _, typ := range s.types {
		if name, ok := s.config[typ+"_token"].(string); ok && !known[name] {
			if id, ok := vocab[name]; ok {
				known[name] = true
				all = append(all, jsonToken{ID: id, Content: name, Special: true})
			}
		}
	}
	added := make([]addedToken, 0, len(all))
	for _, a := range all {
		if a.ID < 0 {
			return nil, formats.Corruptf("tokenizer.json", -1, "added_tokens", "token %q has the id %d", a.Content, a.ID)
		}
		kind := UserDefined
		if a.Special || looksSpecial(a.Content) {
			kind = Control
		}
		t.tokens[a.ID], t.kinds[a.ID] = a.Content, kind
		added = append(added, addedToken{id: a.ID, text: a.Content, special: kind == Control, lstrip: a.LStrip, rstrip: a.RStrip,
			singleWord: a.SingleWord, normalized: a.Normalized})
	}
	return added, nil
}

// padding is the converter's name for an id without a token.
func padding(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// looksSpecial reports whether the converter takes an added token for a special one whatever the file says, because
// some models do not mark theirs.
func looksSpecial(s string) bool {
	switch s {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	return strings.HasPrefix(s, "<|") && strings.HasSuffix(s, "|>") ||
		strings.HasPrefix(s, "<｜") && strings.HasSuffix(s, "｜>") ||
		strings.HasPrefix(s, "<unused") && strings.HasSuffix(s, ">")
}

// parseMerges reads merges in either form, "a b" or ["a", "b"], as "a b"; a space within a part becomes Ġ.
func parseMerges(raw json.RawMessage) ([]string, error) {
	var lines []string
	if len(raw) == 0 || json.Unmarshal(raw, &lines) == nil {
		return lines, nil
	}
	var pairs [][2]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, formats.Corruptf("tokenizer.json", -1, "model.merges", "neither a list of strings nor of pairs: %v", err)
	}
	lines = make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = strings.ReplaceAll(p[0], " ", "Ġ") + " " + strings.ReplaceAll(p[1], " ", "Ġ")
	}
	return lines, nil
}
