package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// atoms are strings that patterns treat in special ways.
var atoms = []string{"'", "'s", "'T", "'ll", "'Re", "'ſ", "a", "Bc", "é", "e\u0301", "\u0301", "한", "中文", "ہ", "हि", "1", "23", "4567", "½", "Ⅷ", "٣",
	" ", "  ", "\n", "\r\n", "\r", "\t", "\v", "\u00a0", "\u0085", "\u2028", "\u3000", "\u180e", "\u200b", ".", "!?", "--", "_", "🦙", "\ufffd", "\x00", "\U0010ffff"}

// randomText strings atoms together; some are bytes that are not UTF-8.
func randomText(r *rand.Rand, valid bool) string {
	var b strings.Builder
	for range r.IntN(12) {
		switch r.IntN(8) {
		case 0:
			b.WriteRune(rune(r.IntN(0x3000)))
		case 1:
			if !valid {
				b.WriteByte(byte(r.IntN(256)))
			}
		default:
			b.WriteString(atoms[r.IntN(len(atoms))])
		}
	}
	return b.String()
}

// TestEveryPatternCompiles also checks that the table is sorted, as findPre needs, and that no splitter loses text.
func TestEveryPatternCompiles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var texts []string
	for range 20 {
		texts = append(texts, randomText(r, false))
	}
	for i, p := range preTokenizers {
		if i > 0 && preTokenizers[i-1].name >= p.name {
			t.Errorf("%s after %s", p.name, preTokenizers[i-1].name)
		}
		stages, err := splitters(p.patterns...)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		for _, text := range texts {
			joined := ""
			splitAll(stages, text, func(s string) { joined += s })
			if joined != text {
				t.Errorf("%s turns %q into %q", p.name, text, joined)
			}
		}
	}
	for _, name := range preferred {
		if _, ok := findPre(name); !ok {
			t.Errorf("%s is preferred but unknown", name)
		}
	}
}

// TestKnownPieces states by hand what the three main patterns make of some texts.
func TestKnownPieces(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          []string
	}{
		{llama3, "Hello  world, it's 12345\n\n  x", []string{"Hello", " ", " world", ",", " it", "'s", " ", "123", "45", "\n\n", " ", " x"}},
		{qwen2, "a1234 !?\r\n\tb", []string{"a", "1", "2", "3", "4", " !?\r\n", "\tb"}},
		{gpt2, "He'S we've  1234\n\n x", []string{"He", "'", "S", " we", "'ve", " ", " 1234", "\n\n", " x"}},
		{gpt2, "a \n", []string{"a", " \n"}},
		{llama3, "\u3000\u00a0a", []string{"\u3000", "\u00a0a"}},
		{qwen35, "कि\u0301 ि", []string{"कि\u0301", " ि"}},
		{qwen2, "\xffa\xff\xfe", []string{"\xffa", "\xff\xfe"}},
	}
	for _, c := range tests {
		stages, err := splitters(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if splitAll(stages, c.text, func(s string) { got = append(got, s) }); !slices.Equal(got, c.want) {
			t.Errorf("%q\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

// What a GGUF file cannot say of a text's way to byte-level BPE is told.
func TestUnwritten(t *testing.T) {
	for _, tt := range []struct{ key, value, says string }{
		{"normalizer", `null`, ""},
		{"normalizer", `{"type":"NFC"}`, ""},
		{"normalizer", `{"type":"Sequence","normalizers":[]}`, ""},
		{"normalizer", `{"type":"NFKC"}`, `makes "The Café  fi" of`},
		{"normalizer", `{"type":"NFD"}`, "of \"The Café  ﬁ\""},
		{"normalizer", `{"type":"Lowercase"}`, `makes "the café  ﬁ" of`},
		{"normalizer", `{"type":"Prepend","prepend":"▁"}`, `makes "▁The`},
		{"normalizer", `{"type":"Replace","pattern":{"String":" "},"content":"▁"}`, `makes "The▁Café`},
		{"pre_tokenizer", `{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}`, "add_prefix_space"},
		{"pre_tokenizer", `{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}`, ""},
	} {
		tok, err := small(t, map[string]json.RawMessage{tt.key: []byte(tt.value)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(tok.Warnings, "; ")
		if strings.Contains(told, "which llama.cpp does not do") != (tt.says != "") || !strings.Contains(told, tt.says) {
			t.Errorf("%s: %q", tt.value, told)
		}
	}
}
