package tokenizer

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// unpack decodes a compressed JSON file of testdata.
func unpack(t testing.TB, name string, v any) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// trained is a tokenizer of testdata/tokenizers.json.gz: tokenizer.json or tokenizer.model, and the ids of the texts.
type trained struct {
	Name  string
	File  json.RawMessage
	Model []byte
	IDs   [][]int32
}

func (tr *trained) open(t testing.TB) *Tokenizer {
	t.Helper()
	files := fstest.MapFS{}
	if tr.File != nil {
		files["tokenizer.json"] = &fstest.MapFile{Data: tr.File}
	} else {
		files["tokenizer.model"] = &fstest.MapFile{Data: tr.Model}
	}
	tok, err := FromFS(files, tr.Name)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func trainedTokenizers(t testing.TB) (texts []string, list []trained) {
	t.Helper()
	var file struct {
		Texts      []string
		Tokenizers []trained
	}
	unpack(t, "tokenizers.json.gz", &file)
	if len(file.Texts) < 300 || len(file.Tokenizers) < 20 {
		t.Fatalf("%d texts, %d tokenizers", len(file.Texts), len(file.Tokenizers))
	}
	return file.Texts, file.Tokenizers
}

// TestTrained compares every kind of tokenizer with Hugging Face's library and SentencePiece (testdata/train.py).
func TestTrained(t *testing.T) {
	texts, list := trainedTokenizers(t)
	for _, tr := range list {
		t.Run(tr.Name, func(t *testing.T) {
			tok := tr.open(t)
			if len(tok.Warnings) > 0 {
				t.Errorf("warnings %q", tok.Warnings)
			}
			for i, text := range texts {
				if tr.Model != nil {
					text = strings.TrimRight(text, underline) // as the ids were made
				}
				tok.AddBOS, tok.AddEOS = false, false
				if got := tok.Encode(text, Options{ParseSpecial: tr.Model == nil}); !slices.Equal(got, tr.IDs[i]) {
					t.Errorf("%q\n got %v\nwant %v", text, got, tr.IDs[i])
				}
			}
		})
	}
}

// TestPieces compares the cuts of every pattern with those of Hugging Face's library (testdata/pieces.py).
func TestPieces(t *testing.T) {
	patterns := map[string][]string{}
	for _, p := range preTokenizers {
		if !p.underlined {
			patterns[p.name] = p.patterns
		}
	}
	if *update {
		data, err := json.Marshal(patterns)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("pre.json", data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var file struct {
		Texts []string
		Pres  []struct {
			Name     string
			Patterns []string
			Cuts     [][]int
		}
	}
	unpack(t, "pieces.json.gz", &file)
	checked := map[string]bool{}
	for _, p := range file.Pres {
		stages, err := splitters(p.Patterns...)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		checked[strings.Join(p.Patterns, "\x00")] = true
		for i, text := range file.Texts {
			cuts := []int{}
			splitAll(stages, text, func(s string) { cuts = append(cuts, utf8.RuneCountInString(s)) })
			if !slices.Equal(cuts, p.Cuts[i]) {
				t.Errorf("%s %+q\n got %v\nwant %v", p.Name, text, cuts, p.Cuts[i])
			}
		}
	}
	for name, p := range patterns {
		if !checked[strings.Join(p, "\x00")] {
			t.Errorf("the patterns of %s are not in pieces.json.gz", name)
		}
	}
}
