package tokenizer

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"bitmill/formats/gguf"
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
	f.Add(`{"model":{"type":"Unigram","unk_id":1,"byte_fallback":true,"vocab":[["a",-1],["<unk>",0],["ab",-2]]},"pre_tokenizer":{"type":"Metaspace"},"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Strip","strip_left":true}]}}`, `{}`)
	f.Add(`{"model":{"type":"WordPiece","unk_token":"u","vocab":{"a":0,"##b":1,"u":2}},"pre_tokenizer":{"type":"BertPreTokenizer"},"normalizer":{"type":"BertNormalizer","lowercase":true}}`, `{}`)
	f.Add(`{"model":{"type":"BPE","byte_fallback":true,"unk_token":"u","vocab":{"a":0,"▁":1,"u":2,"▁a":3},"merges":["▁ a","a a"]},"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithNext"},"normalizer":{"type":"Replace","pattern":{"Regex":"a*"},"content":"$1"}}`, `{}`)
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

// FuzzSentencePiece: no tokenizer.model makes reading or encoding panic.
func FuzzSentencePiece(f *testing.F) {
	_, list := trainedTokenizers(f)
	for _, tr := range list {
		if tr.Model != nil {
			f.Add(tr.Model[:2000])
			f.Add(tr.Model[len(tr.Model)-2000:])
		}
	}
	f.Add([]byte("\x0a\x03\x0a\x01a\x12\x02\x18\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := FromFS(fstest.MapFS{"tokenizer.model": {Data: data}}, "folder")
		if err != nil {
			return
		}
		tok.Decode(tok.Encode("a <s> b\n\xff ▁", Options{ParseSpecial: true}))
	})
}

// FuzzVocabulary: no GGUF vocabulary makes reading or encoding panic, whatever its kind.
func FuzzVocabulary(f *testing.F) {
	for _, g := range ggufModels {
		f.Add(g.name, "default", "a\nb\nab\n▁a\n<0x0A>\n▁", "a b\n▁ a\n\nab a", "\x01\x01\x01\x04\x06\x01", "\x08\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00x\x00", uint32(1))
	}
	f.Fuzz(func(t *testing.T, model, pre, tokens, merges, types, charsmap string, id uint32) {
		m := &gguf.Metadata{}
		m.Set(keyModel, model)
		m.Set(keyPre, pre)
		list := strings.Split(tokens, "\n")
		m.Set(keyTokens, list)
		m.Set(keyMerges, strings.Split(merges, "\n"))
		kinds, scores := make([]int32, len(list)), make([]float32, len(list))
		for i := range list {
			kinds[i], scores[i] = 1, -float32(i%7)
			if i < len(types) {
				kinds[i] = int32(types[i] % 8)
			}
		}
		m.Set(keyTypes, kinds)
		m.Set(keyScores, scores)
		m.Set(keyCharsmap, []byte(charsmap))
		m.Set(keyUnk, id)
		tok, err := FromMetadata(m)
		if err != nil {
			return
		}
		for _, text := range []string{"", "a", "ab a<0x0A>\n", "\xff\xfe▁▁a b", tokens} {
			tok.Decode(tok.Encode(text, Options{ParseSpecial: true}))
		}
	})
}
