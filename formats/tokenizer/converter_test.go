package tokenizer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"bitmill/formats/gguf"
)

// TestConverter compares the metadata of every kind of vocabulary with what llama.cpp's converter writes
// (testdata/metadata.py).
func TestConverter(t *testing.T) {
	data, err := os.ReadFile("testdata/metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Tokenizer, File, Arch string
		Edit                  map[string]json.RawMessage
		Config                json.RawMessage
		Names                 map[string]any
		Metadata              [][2]any
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 6 {
		t.Fatalf("%d cases", len(cases))
	}
	_, list := trainedTokenizers(t)
	byName := map[string]trained{}
	for _, tr := range list {
		byName[tr.Name] = tr
	}
	for _, c := range cases {
		t.Run(c.Tokenizer, func(t *testing.T) {
			tr := byName[c.Tokenizer]
			files := fstest.MapFS{c.File: {Data: tr.Model}, "config.json": {Data: c.Config}}
			if tr.File != nil {
				var file map[string]json.RawMessage
				if err := json.Unmarshal(tr.File, &file); err != nil {
					t.Fatal(err)
				}
				maps.Copy(file, c.Edit)
				files[c.File].Data, _ = json.Marshal(file)
			}
			if c.Names != nil {
				names, _ := json.Marshal(c.Names)
				files["tokenizer_config.json"] = &fstest.MapFile{Data: names}
			}
			tok, err := FromFS(files, "folder")
			if err != nil {
				t.Fatal(err)
			}
			var shape struct {
				Vocab int `json:"vocab_size"`
			}
			if err := json.Unmarshal(c.Config, &shape); err != nil {
				t.Fatal(err)
			}
			m := &gguf.Metadata{}
			m.Set("general.architecture", c.Arch)
			tok.AddMetadata(m, shape.Vocab)
			var got, want []string
			for _, key := range m.Keys()[1:] {
				v, _ := m.Get(key)
				got = append(got, fmt.Sprintf("%s %s", key, summary(t, v)))
			}
			for _, row := range c.Metadata {
				b, _ := json.Marshal(row[1])
				want = append(want, fmt.Sprintf("%s %s", row[0], b))
			}
			got, want = withoutChosen(c.Tokenizer, got), withoutChosen(c.Tokenizer, want)
			if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// withoutChosen leaves out where bitmill's choice is another: real scores instead of -1000 for all tokens, with which
// llama.cpp would merge from the left, and the unknown token of a unigram model that llama.cpp would take for another.
func withoutChosen(tokenizer string, lines []string) []string {
	chosen := map[string]string{"bpe llama 2": keyScores, "sentencepiece unigram": keyUnk}[tokenizer]
	var kept []string
	for _, line := range lines {
		if key, _, _ := strings.Cut(line, " "); key != chosen {
			kept = append(kept, line)
		}
	}
	return kept
}

// summary writes a value as the golden file does: JSON; arrays by length and hash of their lines.
func summary(t *testing.T, v any) string {
	t.Helper()
	var lines []string
	switch v := v.(type) {
	case []string:
		lines = v
	case []int32:
		for _, x := range v {
			lines = append(lines, fmt.Sprint(x))
		}
	case []byte:
		for _, x := range v {
			lines = append(lines, fmt.Sprint(x))
		}
	case []float32:
		for _, x := range v {
			text := fmt.Sprint(float64(x))
			if !strings.Contains(text, ".") {
				text += ".0" // as Python writes it
			}
			lines = append(lines, text)
		}
	default:
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return fmt.Sprintf(`[%d,"%x"]`, len(lines), sha256.Sum256([]byte(strings.Join(lines, "\n"))))
}
