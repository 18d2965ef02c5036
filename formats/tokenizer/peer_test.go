package tokenizer

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inputs cuts an .inp file of llama.cpp's vocabulary tests into texts.
func inputs(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(data), "\n__ggml_vocab_test__\n")
	if texts[len(texts)-1] == "" {
		texts = texts[:len(texts)-1]
	}
	return texts
}

// outputs reads an .out file: a line of ids for every text.
func outputs(t testing.TB, path string) [][]int32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]int32
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		var ids []int32
		for _, f := range strings.Fields(line) {
			id, err := strconv.ParseInt(f, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, int32(id))
		}
		out = append(out, ids)
	}
	return out
}

// checkVocabulary compares Encode with the peer's ids, and Decode with the text.
func checkVocabulary(t *testing.T, tok *Tokenizer, texts []string, want [][]int32) {
	t.Helper()
	if len(texts) != len(want) || len(texts) < 40 {
		t.Fatalf("%d texts and %d lines of ids", len(texts), len(want))
	}
	passed := 0
	for i, text := range texts {
		got := tok.Encode(text, Options{NoSpecial: true})
		if !slices.Equal(got, want[i]) {
			t.Errorf("%q\n got %v\nwant %v", text, got, want[i])
			continue
		}
		// WordPiece does not keep a text as it was.
		if back := string(tok.Decode(got)); back != text && tok.spelling != phantom {
			t.Errorf("decoded %q, want %q", back, text)
			continue
		}
		passed++
	}
	t.Logf("%d of %d texts equal", passed, len(texts))
}

// TestPeerVocabularies runs llama.cpp's own vocabulary tests over its full vocabularies. TestReducedVocabularies is the
// twin that always runs.
func TestPeerVocabularies(t *testing.T) {
	if os.Getenv("BITMILL_LLAMACPP") == "" {
		t.Skip("NOT RUN: set BITMILL_LLAMACPP to a checkout of llama.cpp to test its full vocabularies")
	}
	for _, name := range peerNames {
		t.Run(name, func(t *testing.T) {
			m, inp, out := peer(t, name)
			tok, err := FromMetadata(m)
			if err != nil {
				t.Fatal(err)
			}
			checkVocabulary(t, tok, inputs(t, inp), outputs(t, out))
		})
	}
}

// TestReducedVocabularies runs the same texts over what is left of the vocabularies in testdata/vocab.
func TestReducedVocabularies(t *testing.T) {
	for _, name := range peerNames {
		t.Run(name, func(t *testing.T) {
			inp := "testdata/vocab/common.inp"
			if name == "qwen35" {
				inp = "testdata/vocab/qwen35.inp"
			}
			checkVocabulary(t, reduced(t, name), inputs(t, inp), outputs(t, "testdata/vocab/"+name+".out"))
		})
	}
}
