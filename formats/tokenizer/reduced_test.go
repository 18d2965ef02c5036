package tokenizer

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

var update = flag.Bool("update", false, "write testdata/vocab from the llama.cpp checkout in BITMILL_LLAMACPP")

// peerNames are the vocabularies that llama.cpp has tests for.
var peerNames = []string{"bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm", "mpt", "phi-3", "qwen2", "qwen35", "refact", "starcoder"}

// peer opens a full vocabulary of llama.cpp, its texts and their ids.
func peer(t testing.TB, name string) (m *gguf.Metadata, inp, out string) {
	t.Helper()
	path := filepath.Join(os.Getenv("BITMILL_LLAMACPP"), "models", "ggml-vocab-"+name+".gguf")
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f.Metadata, path + ".inp", path + ".out"
}

// reduce empties every token that cannot come up while one of the texts is encoded, and drops its merges: those remain
// that are a part of a text, wherever words are cut, as they are or as their bytes are, or the way BERT changes a text,
// and the tokens of bytes. Ids, ranks, scores and the competition between merges stay as they were.
func reduce(t testing.TB, m *gguf.Metadata, texts []string) *gguf.Metadata {
	t.Helper()
	all := " " + strings.Join(texts, "\x00\x00 ")
	all += bertNormalizer{clean: true, chinese: true, stripMarks: true, lower: true}.apply(all)
	tokens, _, err := m.Strings(keyTokens)
	if err != nil {
		t.Fatal(err)
	}
	kinds, _, err := m.Ints(keyTypes)
	if err != nil {
		t.Fatal(err)
	}
	scores, scored, err := m.Floats(keyScores)
	if err != nil {
		t.Fatal(err)
	}
	tokens = slices.Clone(tokens)
	types, kept32 := make([]int32, len(tokens)), make([]float32, len(tokens))
	kept := map[string]bool{}
	for id, text := range tokens {
		b, _ := appendBytes(nil, text)
		if Kind(kinds[id]) != Normal || b == nil || scored {
			b = []byte(strings.ReplaceAll(text, underline, " "))
		}
		word := strings.TrimPrefix(text, underline)
		if Kind(kinds[id]) != Byte && !strings.Contains(all, string(b)) && len(b) > 1 && (scored || !strings.Contains(all, word)) {
			tokens[id] = ""
			types[id] = int32(Unused)
			continue
		}
		types[id] = int32(kinds[id])
		kept[text] = true
		if scored {
			kept32[id] = float32(scores[id])
		}
	}
	small := &gguf.Metadata{}
	for _, key := range []string{"general.architecture", "general.name"} {
		if v, ok := m.Get(key); ok {
			small.Set(key, v)
		}
	}
	for _, key := range m.Keys() {
		v, _ := m.Get(key)
		switch {
		case key == keyTokens:
			v = tokens
		case key == keyTypes:
			v = types
		case key == keyScores:
			v = kept32
		case key == keyMerges:
			v = slices.DeleteFunc(slices.Clone(v.([]string)), func(line string) bool {
				m := cutMerges([]string{line})[0]
				return !kept[m[0]] || !kept[m[1]] || !kept[m[0]+m[1]]
			})
		case !strings.HasPrefix(key, "tokenizer.ggml."):
			continue
		}
		small.Set(key, v)
	}
	return small
}

// TestUpdateReduced writes testdata/vocab when asked to.
func TestUpdateReduced(t *testing.T) {
	if !*update {
		t.Skip("writes testdata/vocab with -update only")
	}
	for _, name := range peerNames {
		m, inp, out := peer(t, name)
		texts := inputs(t, inp)
		var file, packed bytes.Buffer
		err := gguf.Write(&file, reduce(t, m, texts), []formats.Tensor{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		z.Write(file.Bytes())
		z.Close()
		write := func(name string, data []byte) {
			if err := os.WriteFile(filepath.Join("testdata", "vocab", name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		copied := func(from, to string) {
			data, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			write(to, data)
		}
		write(name+".gguf.gz", packed.Bytes())
		copied(out, name+".out")
		if name == "qwen35" {
			copied(inp, "qwen35.inp")
		} else {
			copied(inp, "common.inp") // the same for all others
		}
	}
}

// reduced opens a vocabulary of testdata/vocab.
func reduced(t testing.TB, name string) *Tokenizer {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "vocab", name+".gguf.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	file, err := gguf.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := FromMetadata(file.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
