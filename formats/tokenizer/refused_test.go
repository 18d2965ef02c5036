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
		{"model", `{"type":"Unigram","vocab":[["a","b"]]}`, formats.ErrCorrupt, "entry 0"},
		{"model", `{"type":"Unigram","vocab":{"a":0}}`, formats.ErrCorrupt, "model.vocab"},
		{"model", `{"type":"WordPiece","vocab":{"a":0},"continuing_subword_prefix":"@@"}`, formats.ErrUnsupported, "@@"},
		{"model", `{"type":"WordLevel","vocab":{"a":0}}`, formats.ErrUnsupported, "WordLevel"},
		{"model", `{"type":"Other"}`, formats.ErrUnsupported, "Other"},
		{"model", `{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0}}`, formats.ErrUnsupported, "ends of words"},
		{"model", `{"type":"BPE"}`, formats.ErrCorrupt, "vocab"},
		{"model", `{"type":"BPE","vocab":{"a":-2,"b":0}}`, formats.ErrCorrupt, "id -2"},
		{"model", `{"type":"BPE","vocab":{"a":2000000000}}`, formats.ErrCorrupt, "2000000000"},
		{"model", `{"type":"BPE","vocab":{"a":0},"merges":[1]}`, formats.ErrCorrupt, "merges"},
		{"model", `7`, formats.ErrCorrupt, "JSON"},
		{"added_tokens", `[{"id":-1,"content":"x"}]`, formats.ErrCorrupt, "added_tokens"},
		{"normalizer", `{"type":"Sequence","normalizers":[{"type":"Other"}]}`, formats.ErrUnsupported, "Other"},
		{"normalizer", `{"type":"Replace","content":""}`, formats.ErrUnsupported, "Replace"},
		{"normalizer", `{"type":"Replace","pattern":{"Regex":"("},"content":""}`, formats.ErrUnsupported, "pattern"},
		{"normalizer", `{"type":"Precompiled","precompiled_charsmap":"AAA="}`, formats.ErrCorrupt, "precompiled_charsmap"},
		{"normalizer", `[]`, formats.ErrCorrupt, "normalizer"},
		{"pre_tokenizer", `{"type":"Metaspace","replacement":"_"}`, formats.ErrUnsupported, "Metaspace"},
		{"pre_tokenizer", `{"type":"Metaspace","prepend_scheme":"last"}`, formats.ErrUnsupported, "last"},
		{"pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"Metaspace","prepend_scheme":"first"}]}`, formats.ErrUnsupported, "first"},
		{"pre_tokenizer", `{"type":"UnicodeScripts"}`, formats.ErrUnsupported, "UnicodeScripts"},
		{"pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"Digits"}]}`, formats.ErrUnsupported, "after ByteLevel"},
		{"pre_tokenizer", `{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]}`, formats.ErrUnsupported, "add_prefix_space"},
		{"pre_tokenizer", `{"type":"Split","pattern":{"Regex":"a"},"behavior":"Split"}`, formats.ErrUnsupported, "Split"},
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
	for key, value := range map[string]string{
		"model": `{"type":"Unigram","unk_id":0,"vocab":[["a",-Infinity]]}`, "added_tokens": `[{"id":"x","content":"a"}]`,
	} {
		if _, err := FromFS(fstest.MapFS{"tokenizer.json": {Data: []byte(`{"` + key + `":` + value + `}`)}}, "folder"); !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %s: %v", key, value, err)
		}
	}
	for data, want := range map[string]error{
		"":                                  formats.ErrCorrupt,     // no pieces
		"\x0a\x05\x0a":                      formats.ErrCorrupt,     // a piece cut off
		"\x0a\x03\x0a\x01a\x07":             formats.ErrCorrupt,     // an unknown wire type
		"\x0a\x03\x0a\x01a\x12\x02\x18\x03": formats.ErrUnsupported, // a model of words
	} {
		_, err := FromFS(fstest.MapFS{"tokenizer.model": {Data: []byte(data)}}, "folder")
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "folder/tokenizer.model") {
			t.Errorf("tokenizer.model %q: %v", data, err)
		}
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
