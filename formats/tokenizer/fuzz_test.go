package tokenizer

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"
)

// noFiles is an empty folder.
type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) { return nil, fs.ErrNotExist }

// tokenizers under the round-trip tests, by name of normal form.
func roundTrippers(t testing.TB) (plain, nfc *Tokenizer) {
	t.Helper()
	plain, err := small(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	nfc, err = small(t, map[string]json.RawMessage{"normalizer": []byte(`{"type":"NFC"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain, nfc
}

// checkRoundTrip: what was encoded comes back, to the byte or in its normal form.
func checkRoundTrip(t *testing.T, plain, nfc *Tokenizer, text string) {
	t.Helper()
	for _, o := range []Options{{NoSpecial: true}, {}, {ParseSpecial: true}} {
		if back := string(plain.Decode(plain.Encode(text, o))); back != text {
			t.Errorf("%+v: %q came back as %q", o, text, back)
		}
	}
	want := form(norm.NFC, text)
	if back := string(nfc.Decode(nfc.Encode(text, Options{}))); back != want {
		t.Errorf("NFC: %q came back as %q", want, back)
	}
}

func TestRoundTrip(t *testing.T) {
	plain, nfc := roundTrippers(t)
	r := rand.New(rand.NewPCG(9, 10))
	for range 3000 {
		checkRoundTrip(t, plain, nfc, randomText(r, false))
	}
}

func FuzzRoundTrip(f *testing.F) {
	plain, nfc := roundTrippers(f)
	for _, s := range []string{"", "Hello, <|endoftext|> world", "e\u0301\u0323", "\xff\xc3", "\x00\x01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkRoundTrip(t, plain, nfc, text) })
}

// FuzzFolder: no tokenizer.json or tokenizer_config.json makes reading or encoding panic.
func FuzzFolder(f *testing.F) {
	f.Add(`{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}`, `{}`)
	f.Add(`{"added_tokens":[{"id":1,"content":"<s>","special":true}],"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","a"]]},
		"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{L}+"},"behavior":"Isolated"},{"type":"ByteLevel"}]},
		"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"pair":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"</s>"}},{"Sequence":{"id":"B"}}]}}`,
		`{"bos_token":{"content":"<s>"},"chat_template":[{"name":"a b","template":"x"}]}`)
	f.Fuzz(func(t *testing.T, file, config string) {
		tok, err := FromFS(fstest.MapFS{"tokenizer.json": {Data: []byte(file)}, "tokenizer_config.json": {Data: []byte(config)}}, "folder")
		if err != nil {
			return
		}
		if tok.Vocab() > 1<<16 {
			t.Skip("large ids only cost time")
		}
		tok.Decode(tok.Encode("a <s> b\n", Options{ParseSpecial: true}))
	})
}
