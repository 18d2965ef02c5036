//go:build !nodemo && !slim

package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/demo"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// TestTokensLoseNothing: what a tokenizer makes of the texts reads as the texts again.
func TestTokensLoseNothing(t *testing.T) {
	dir := t.TempDir()
	files, err := demo.Models()[0].Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{dir, "../tokenizer/testdata"} {
		tok, err := tokenizer.FromFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		readsAgain(t, folder, tok)
	}
}

// TestPeerTokensLoseNothing does the same with whole vocabularies of llama.cpp's checkout in BITMILL_LLAMACPP.
func TestPeerTokensLoseNothing(t *testing.T) {
	checkout := os.Getenv("BITMILL_LLAMACPP")
	if checkout == "" {
		t.Skip("set BITMILL_LLAMACPP to a llama.cpp checkout; TestTokensLoseNothing ran")
	}
	for _, name := range []string{"command-r", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm",
		"qwen2", "starcoder"} {
		f, err := gguf.Open(filepath.Join(checkout, "models", "ggml-vocab-"+name+".gguf"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tok, err := tokenizer.FromMetadata(f.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		readsAgain(t, name, tok)
	}
}

func readsAgain(t *testing.T, name string, tok *tokenizer.Tokenizer) {
	t.Helper()
	for _, text := range []string{Calibration(), Evaluation()} {
		ids := tok.Encode(text, tokenizer.Options{NoSpecial: true})
		again := strings.TrimPrefix(string(tok.Decode(ids)), " ") // SentencePiece puts a blank before the first word
		if again != text {
			at := 0
			for at < min(len(again), len(text)) && again[at] == text[at] {
				at++
			}
			t.Errorf("%s: %d tokens, differs at byte %d: %.40q, not %.40q", name, len(ids), at, again[at:], text[at:])
		}
		t.Logf("%s: %d tokens, %.2f bytes each", name, len(ids), float64(len(text))/float64(len(ids)))
	}
}
