package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// folderCase is a small folder and what transformers makes of it (testdata/folders.py).
type folderCase struct {
	Name  string
	Files map[string]json.RawMessage
	Vocab map[string]int32
	Added map[string][5]any // content, special, lstrip, rstrip, normalized
	IDs   [][]int32
}

func folderCases(t testing.TB) (texts []string, cases []folderCase) {
	t.Helper()
	packed, err := os.Open("testdata/folders.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Texts []string
		Cases []folderCase
	}
	if err := json.NewDecoder(r).Decode(&all); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) < 19 {
		t.Fatalf("%d cases", len(all.Cases))
	}
	return all.Texts, all.Cases
}

// mapFS is the folder.
func (c folderCase) mapFS() fstest.MapFS {
	files := fstest.MapFS{}
	for name, raw := range c.Files {
		var text string
		data := bytes.Clone(raw)
		if json.Unmarshal(raw, &text) == nil {
			data = []byte(text)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// TestFolders: texts, ids, flags and encodings are those of transformers.
func TestFolders(t *testing.T) {
	texts, cases := folderCases(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			tok, err := FromFS(c.mapFS(), "folder")
			if err != nil {
				t.Fatal(err)
			}
			if top := slices.Max(slices.Collect(maps.Values(c.Vocab))); tok.Vocab() != int(top)+1 {
				t.Errorf("%d ids, the highest of transformers is %d", tok.Vocab(), top)
			}
			for text, id := range c.Vocab {
				got, kind, _ := tok.Token(id)
				a, isAdded := c.Added[strconv.Itoa(int(id))]
				want := Normal
				switch {
				case isAdded && (a[1] == true || looksSpecial(text)):
					want = Control
				case isAdded:
					want = UserDefined
				}
				if got != text || kind != want {
					t.Errorf("token %d is %q of kind %d, want %q of kind %d", id, got, kind, text, want)
				}
			}
			tok.AddBOS, tok.AddEOS = false, false
			for i, text := range texts {
				if got := tok.Encode(text, Options{ParseSpecial: true}); !slices.Equal(got, c.IDs[i]) {
					t.Errorf("%q is %v, want %v", text, got, c.IDs[i])
				}
			}
		})
	}
}

// caseNamed finds a case.
func caseNamed(t *testing.T, name string) folderCase {
	_, cases := folderCases(t)
	i := slices.IndexFunc(cases, func(c folderCase) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no case %q", name)
	}
	return cases[i]
}

// TestRows: added tokens without a row are left out; tokens that words are merged from must have one.
func TestRows(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rows, vocab int
		word        string
	}{
		{"gap", 303, 303, ""},
		{"gap", 400, 303, ""},
		{"gap", 302, 302, `token 302, "<t>"`},
		{"gap", 301, 301, `2 tokens, the first of them 301, "</s>"`},
		{"tiktoken", 601, 601, "2 tokens"},
		{"vocab.json of Qwen", 302, 302, `"<|endoftext|>"`},
	} {
		tok, err := folder{caseNamed(t, tt.name).mapFS(), "folder", FolderOptions{Rows: tt.rows}}.open()
		if err != nil {
			t.Fatal(err)
		}
		m := &gguf.Metadata{}
		tok.AddMetadata(m, tt.rows)
		tokens, _, _ := m.Strings(keyTokens)
		types, _, _ := m.Ints(keyTypes)
		if tok.Vocab() != tt.vocab || len(tokens) != tt.rows || len(types) != tt.rows {
			t.Errorf("%s: %d rows: %d ids, %d tokens and %d types written", tt.name, tt.rows, tok.Vocab(), len(tokens), len(types))
		}
		warned := slices.ContainsFunc(tok.Warnings, func(w string) bool { return strings.Contains(w, "left out of the vocabulary") })
		if all := strings.Join(tok.Warnings, "\n"); warned != (tt.word != "") || !strings.Contains(all, tt.word) {
			t.Errorf("%s: %d rows: warnings %q", tt.name, tt.rows, all)
		}
		for _, id := range tok.Encode("the cat <t></s>", Options{ParseSpecial: true}) {
			if int(id) >= tt.rows {
				t.Errorf("%s: token %d for %d rows", tt.name, id, tt.rows)
			}
		}
	}
	_, err := folder{caseNamed(t, "gap").mapFS(), "folder", FolderOptions{Rows: 290}}.open()
	if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "303 tokens") {
		t.Errorf("290 rows: %v", err)
	}
}

// TestClassTold: a tokenizer class that stands for another pattern than tokenizer.json's is told.
func TestClassTold(t *testing.T) {
	for class, want := range map[string]bool{"Qwen2Tokenizer": true, "Qwen2TokenizerFast": true, "GPT2Tokenizer": false,
		"PreTrainedTokenizerFast": false, "LlamaTokenizer": false, "CohereTokenizer": true} {
		files := caseNamed(t, "plain").mapFS()
		files["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(`{"tokenizer_class":"` + class + `"}`)}
		tok, err := FromFS(files, "folder")
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(tok.Warnings, func(w string) bool { return strings.Contains(w, "tokenizer_class is") })
		if told != want || tok.Pre != "gpt-2" {
			t.Errorf("%s: Pre %s, warnings %q", class, tok.Pre, tok.Warnings)
		}
	}
}

// TestTiktokenKinds: the file's name or the tokenizer's class says which pattern and special tokens go with the ranks.
func TestTiktokenKinds(t *testing.T) {
	ranks := caseNamed(t, "tiktoken").mapFS()["tokenizer.model"]
	for _, tt := range []struct {
		file, class, pre string
		special          map[int32]string
		vocab            int
	}{
		{"qwen.tiktoken", "QWenTokenizer", "qwen2", map[int32]string{600: "<|endoftext|>", 602: "<|im_end|>", 807: "<|extra_204|>"}, 808},
		{"tiktoken.model", "TikTokenTokenizer", "kimi-k2", map[int32]string{600: "[BOS]", 601: "<|reserved_token_601|>"}, 858},
		{"tokenizer.model", "PreTrainedTokenizerFast", "smaug-bpe", map[int32]string{600: "[BOS]"}, 601},
	} {
		files := fstest.MapFS{tt.file: ranks}
		config := `{"tokenizer_class":"` + tt.class + `"`
		if tt.file != "qwen.tiktoken" {
			config += `,"bos_token":"[BOS]","added_tokens_decoder":{"600":{"content":"[BOS]","special":true}}`
		}
		files["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(config + "}")}
		tok, err := FromFS(files, "folder")
		if err != nil {
			t.Fatal(err)
		}
		if tok.Pre != tt.pre || tok.Vocab() != tt.vocab {
			t.Errorf("%s: Pre %s, %d ids, warnings %q", tt.file, tok.Pre, tok.Vocab(), tok.Warnings)
		}
		for id, want := range tt.special {
			if text, kind, _ := tok.Token(id); text != want || kind != Control {
				t.Errorf("%s: token %d is %q of kind %d, want %q", tt.file, id, text, kind, want)
			}
		}
	}
}
