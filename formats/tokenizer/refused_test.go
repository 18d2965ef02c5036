package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"bitmill/formats"
)

// TestRefusedFolders: every refusal says which kind it is and names its cause.
func TestRefusedFolders(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	tests := []struct {
		key, value string
		want       error
		word       string
	}{
		{"model", `{"type":"Unigram","vocab":[["a",0]]}`, formats.ErrUnsupported, "Unigram"},
		{"model", `{"type":"WordPiece","vocab":{"a":0}}`, formats.ErrUnsupported, "WordPiece"},
		{"model", `{"type":"Other"}`, formats.ErrUnsupported, "Other"},
		{"model", `{"type":"BPE","byte_fallback":true,"vocab":{"a":0}}`, formats.ErrUnsupported, "byte_fallback"},
		{"model", `{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0}}`, formats.ErrUnsupported, "ends of words"},
		{"model", `{"type":"BPE"}`, formats.ErrCorrupt, "vocab"},
		{"model", `{"type":"BPE","vocab":{"a":-2,"b":0}}`, formats.ErrCorrupt, "id -2"},
		{"model", `{"type":"BPE","vocab":{"a":2000000000}}`, formats.ErrCorrupt, "2000000000"},
		{"model", `{"type":"BPE","vocab":{"a":0},"merges":[1]}`, formats.ErrCorrupt, "merges"},
		{"model", `7`, formats.ErrCorrupt, "JSON"},
		{"added_tokens", `[{"id":-1,"content":"x"}]`, formats.ErrCorrupt, "added_tokens"},
		{"normalizer", `{"type":"Lowercase"}`, formats.ErrUnsupported, "Lowercase"},
		{"normalizer", `{"type":"Sequence","normalizers":[{"type":"Prepend"}]}`, formats.ErrUnsupported, "Prepend"},
		{"pre_tokenizer", `null`, formats.ErrUnsupported, "ByteLevel"},
		{"pre_tokenizer", `{"type":"Metaspace"}`, formats.ErrUnsupported, "Metaspace"},
		{"pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"Digits"}]}`, formats.ErrUnsupported, "after ByteLevel"},
		{"pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]}`, formats.ErrUnsupported, "add_prefix_space"},
		{"pre_tokenizer", `{"type":"Split","pattern":{"Regex":"a"},"behavior":"MergedWithNext"}`, formats.ErrUnsupported, "MergedWithNext"},
		{"pre_tokenizer", `{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"}`, formats.ErrUnsupported, "pattern"},
		{"pre_tokenizer", `{"type":5}`, formats.ErrCorrupt, "pre_tokenizer"},
	}
	for _, c := range tests {
		_, err := small(t, map[string]json.RawMessage{c.key: raw(c.value)}, nil)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.word) || !strings.Contains(err.Error(), "tokenizer.json") {
			t.Errorf("%s %s: %v", c.key, c.value, err)
		}
	}
	if _, err := small(t, nil, map[string]string{"tokenizer_config.json": "{"}); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "folder/tokenizer_config.json") {
		t.Errorf("a cut tokenizer_config.json: %v", err)
	}
	if _, err := FromFS(fstest.MapFS{"tokenizer.model": {}}, "folder"); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("only tokenizer.model: %v", err)
	}
	if _, err := FromFolder(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestUnnamedPattern: a pattern llama.cpp has no name for works, and says so.
func TestUnnamedPattern(t *testing.T) {
	tok, err := small(t, map[string]json.RawMessage{"pre_tokenizer": json.RawMessage(`{"type":"Sequence","pretokenizers":[
		{"type":"Split","pattern":{"Regex":"\\p{N}{1,3}"},"behavior":"Isolated"},
		{"type":"Split","pattern":{"String":"."},"behavior":"Isolated"},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := findPre(tok.Pre); !known || len(tok.Warnings) != 1 || !strings.Contains(tok.Warnings[0], `\p{N}{1,3} \.`) {
		t.Errorf("Pre %q, warnings %q", tok.Pre, tok.Warnings)
	}
	var got []string
	for _, stage := range []string{"a1234.b", "..."} {
		splitAll(tok.model.(*bpe).stages, stage, func(s string) { got = append(got, s) })
	}
	if s := strings.Join(got, "|"); s != "a|123|4|.|b|.|.|." {
		t.Errorf("cut as %s", s)
	}
}
