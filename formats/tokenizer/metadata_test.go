package tokenizer

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

const (
	smallConfig     = `{"bos_token_id":0,"eos_token_id":0,"pad_token_id":0,"vocab_size":1024}`
	smallTokenizer  = `{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","add_bos_token":true}`
	smallTokensHash = "2bda2e9d13bcf3f700a584588ccebff09f6400092607dd7eb706430f5802a39b"
	smallTypesHash  = "f8060b45171f17f857e748374409b235364685479c76a7940ae3665021734a9f"
	smallMergesHash = "bb1e1338e5462ddf3492ec19cd477833634778132d0a065828f3da3001b92ff5"
)

// pythonHash is the SHA-256 of json.dumps(list, ensure_ascii=False): how the peer's values were recorded.
func pythonHash(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if _, isText := v.([]string); isText {
		text = strings.ReplaceAll(text, `","`, `", "`) // no token here holds these three characters
	} else {
		text = strings.ReplaceAll(text, ",", ", ")
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// TestMetadataEqualsConverter compares with what llama.cpp's convert_hf_to_gguf.py wrote for testdata/tokenizer.json with
// the two files above beside it, told to take the tokenizer for llama-bpe.
func TestMetadataEqualsConverter(t *testing.T) {
	tok, err := small(t, nil, map[string]string{"config.json": smallConfig, "tokenizer_config.json": smallTokenizer})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Pre != "llama-bpe" || !tok.AddBOS || tok.AddEOS || tok.BOS != 0 || tok.EOS != 0 || tok.Vocab() != 1024 || len(tok.Warnings) > 0 {
		t.Errorf("%q AddBOS %t AddEOS %t BOS %d EOS %d vocabulary %d, warnings %q", tok.Pre, tok.AddBOS, tok.AddEOS, tok.BOS, tok.EOS, tok.Vocab(), tok.Warnings)
	}
	var m gguf.Metadata
	tok.AddMetadata(&m, 1024)
	want := []keyValue{
		{keyModel, "gpt2"}, {keyPre, "llama-bpe"}, {keyTokens, smallTokensHash}, {keyTypes, smallTypesHash}, {keyMerges, smallMergesHash},
		{keyBOS, uint32(0)}, {keyEOS, uint32(0)}, {"tokenizer.ggml.padding_token_id", uint32(0)}, {keyAddBOS, true},
	}
	for i, key := range m.Keys() {
		v, _ := m.Get(key)
		switch v.(type) {
		case []string, []int32:
			v = pythonHash(t, v)
		}
		if i >= len(want) || want[i] != (keyValue{key, v}) {
			t.Errorf("%d: %s = %v", i, key, v)
		}
	}
	if m.Len() != len(want) {
		t.Errorf("%d keys, want %d: %v", m.Len(), len(want), m.Keys())
	}
}

// TestMetadataPads: a larger vocabulary is filled up, in the array and in the file's copy of it alike.
func TestMetadataPads(t *testing.T) {
	tok, err := small(t, nil, map[string]string{"tokenizer_config.json": smallTokenizer})
	if err != nil {
		t.Fatal(err)
	}
	var m gguf.Metadata
	tok.AddMetadata(&m, 1026)
	tokens, _, _ := m.Strings(keyTokens)
	types, _ := m.Get(keyTypes)
	if len(tokens) != 1026 || tokens[1024] != "[PAD1024]" || tokens[1025] != "[PAD1025]" || !slices.Equal(types.([]int32)[1023:], []int32{1, 5, 5}) {
		t.Errorf("%d tokens, the last %q of the types %v", len(tokens), tokens[1023:], types.([]int32)[1023:])
	}
	again, err := FromMetadata(&m)
	if err != nil {
		t.Fatal(err)
	}
	if again.Vocab() != 1026 || tok.Vocab() != 1024 {
		t.Errorf("vocabularies of %d and %d", again.Vocab(), tok.Vocab())
	}
	var back gguf.Metadata
	again.AddMetadata(&back, 1026)
	if !slices.Equal(back.Keys(), m.Keys()) {
		t.Errorf("keys %v, want %v", back.Keys(), m.Keys())
	}
	const text = "It's <|endoftext|> 12345 naïve\n\n[PAD1024]"
	for _, o := range []Options{{}, {NoSpecial: true}, {ParseSpecial: true}} {
		if a, b := tok.Encode(text, o), again.Encode(text, o); !slices.Equal(a, b) {
			t.Errorf("%+v: %v from the folder, %v from its GGUF metadata", o, a, b)
		}
	}
}

// TestSpecialTokens follows tokenizer_config.json and the template through to what is added and written.
func TestSpecialTokens(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	tokens := raw(`[{"id":0,"content":"<|endoftext|>","special":true},{"id":1024,"content":"<s>","special":true},{"id":1025,"content":"</s>","special":true},{"id":1026,"content":"<|x|>","special":false},{"id":1027,"content":" user","special":false}]`)
	template := raw(`{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",
		"single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
		"pair":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"B"}}]}]}`)
	both := raw(`{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"</s>"}}]}`)
	tests := []struct {
		name           string
		post           json.RawMessage
		config         string // tokenizer_config.json
		bos, eos       int32
		addBOS, addEOS bool
		pre            string
		keys           string // beyond the vocabulary
	}{
		{"none", raw("null"), "", -1, -1, false, false, "smaug-bpe", ""},
		{"template alone", template, "", -1, -1, false, false, "llama-bpe", "add_bos_token add_sep_token"},
		{"template and names", template, `{"bos_token":"<s>","eos_token":"</s>"}`, 1024, 1025, true, false, "llama-bpe", "bos_token_id eos_token_id add_bos_token add_sep_token"},
		{"names as objects", both, `{"bos_token":{"content":"<s>"},"eos_token":"</s>"}`, 1024, 1025, true, true, "llama-bpe", "bos_token_id eos_token_id add_bos_token add_eos_token"},
		{"flag wins", both, `{"bos_token":"<s>","eos_token":"</s>","add_bos_token":true,"add_eos_token":false}`, 1024, 1025, true, false, "llama-bpe", "bos_token_id eos_token_id add_bos_token add_eos_token"},
		{"other end", both, `{"bos_token":"<s>","eos_token":"<|x|>"}`, 1024, 1025, true, true, "llama-bpe", "bos_token_id eos_token_id eot_token_id add_bos_token add_eos_token"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			beside := map[string]string{}
			if c.config != "" {
				beside["tokenizer_config.json"] = c.config
			}
			tok, err := small(t, map[string]json.RawMessage{"added_tokens": tokens, "post_processor": c.post}, beside)
			if err != nil {
				t.Fatal(err)
			}
			if tok.BOS != c.bos || tok.EOS != c.eos || tok.AddBOS != c.addBOS || tok.AddEOS != c.addEOS || tok.Pre != c.pre {
				t.Errorf("BOS %d EOS %d AddBOS %t AddEOS %t Pre %s", tok.BOS, tok.EOS, tok.AddBOS, tok.AddEOS, tok.Pre)
			}
			var m gguf.Metadata
			tok.AddMetadata(&m, tok.Vocab())
			keys := strings.ReplaceAll(strings.Join(m.Keys()[5:], " "), "tokenizer.ggml.", "")
			if keys != c.keys {
				t.Errorf("keys %q, want %q", keys, c.keys)
			}
			_, kind, _ := tok.Token(1026)
			_, user, _ := tok.Token(1027)
			if kind != Control || user != UserDefined {
				t.Errorf("<|x|> is %d and ' user' %d", kind, user)
			}
			const text = "a<s> user<|x|>"
			plain, special := tok.Encode(text, Options{NoSpecial: true}), tok.Encode(text, Options{ParseSpecial: true})
			if !slices.Contains(plain, 1027) || slices.Contains(plain, 1024) || slices.Contains(plain, 1026) {
				t.Errorf("without special tokens: %v", plain)
			}
			if count := slices.Contains(special, 1024) && slices.Contains(special, 1026) && slices.Contains(special, 1027); !count {
				t.Errorf("with special tokens: %v", special)
			}
			if first := tok.Encode("a", Options{})[0] == c.bos; first != (c.addBOS && c.bos >= 0) {
				t.Errorf("BOS added: %t", first)
			}
		})
	}
}

func TestChatTemplates(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                     "map[tokenizer.chat_template:jinja]",
		`{"chat_template":"x"}`:  "map[tokenizer.chat_template:x]",
		`{"chat_template":null}`: "map[]",
		`{"chat_template":[{"name":"default","template":"d"},{"name":"tool use","template":"t"}]}`: "map[tokenizer.chat_template:d tokenizer.chat_template.tool_use:t tokenizer.chat_templates:[tool_use]]",
	} {
		tok, err := small(t, nil, map[string]string{"tokenizer_config.json": config, "chat_template.jinja": "jinja"})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		for _, e := range tok.describe("llama") {
			if strings.HasPrefix(e.key, "tokenizer.chat") {
				got[e.key] = e.value
			}
		}
		if s := fmt.Sprint(got); s != want {
			t.Errorf("%s gives %s, want %s", config, s, want)
		}
	}
}

// TestSpacePrefix: only converters of the Llama family copy the flag.
func TestSpacePrefix(t *testing.T) {
	tok, err := small(t, nil, map[string]string{"tokenizer_config.json": `{"add_prefix_space":false}`})
	if err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string]bool{"llama": true, "smollm3": true, "qwen2": false} {
		var m gguf.Metadata
		m.Set("general.architecture", arch)
		tok.AddMetadata(&m, 0)
		if _, got := m.Get(keyAddPrefix); got != want {
			t.Errorf("%s: written %t", arch, got)
		}
	}
}

func TestRefusedGGUF(t *testing.T) {
	good := func() *gguf.Metadata {
		m := &gguf.Metadata{}
		m.Set(keyModel, "gpt2")
		m.Set(keyPre, "gpt-2")
		m.Set(keyTokens, []string{"a", "b", "ab"})
		m.Set(keyTypes, []int32{1, 1, 1})
		m.Set(keyMerges, []string{"a b"})
		return m
	}
	if tok, err := FromMetadata(good()); err != nil || !slices.Equal(tok.Encode("ab", Options{}), []int32{2}) {
		t.Fatal(tok, err)
	}
	tests := []struct {
		name string
		edit func(*gguf.Metadata)
		want error // nil: a wrong Go type, whose error gguf words
	}{
		{"no vocabulary", func(m *gguf.Metadata) { m.Delete(keyModel) }, formats.ErrUnsupported},
		{"unknown model", func(m *gguf.Metadata) { m.Set(keyModel, "plamo2") }, formats.ErrUnsupported},
		{"few scores", func(m *gguf.Metadata) { m.Set(keyModel, "t5"); m.Set(keyScores, []float32{1}) }, formats.ErrCorrupt},
		{"charsmap without a length", func(m *gguf.Metadata) { m.Set(keyModel, "t5"); m.Set(keyCharsmap, []uint8{1}) }, formats.ErrCorrupt},
		{"charsmap cut off", func(m *gguf.Metadata) { m.Set(keyModel, "t5"); m.Set(keyCharsmap, []uint8{8, 0, 0, 0, 1}) }, formats.ErrCorrupt},
		{"unknown pre", func(m *gguf.Metadata) { m.Set(keyPre, "gpt-3") }, formats.ErrUnsupported},
		{"no merges", func(m *gguf.Metadata) { m.Delete(keyMerges) }, formats.ErrUnsupported},
		{"no tokens", func(m *gguf.Metadata) { m.Delete(keyTokens) }, formats.ErrCorrupt},
		{"few types", func(m *gguf.Metadata) { m.Set(keyTypes, []int32{1}) }, formats.ErrCorrupt},
		{"model of another type", func(m *gguf.Metadata) { m.Set(keyModel, uint32(1)) }, nil},
		{"tokens of another type", func(m *gguf.Metadata) { m.Set(keyTokens, []int32{1}) }, nil},
		{"BOS of another type", func(m *gguf.Metadata) { m.Set(keyBOS, "a") }, nil},
		{"flag of another type", func(m *gguf.Metadata) { m.Set(keyAddBOS, "a") }, nil},
	}
	for _, c := range tests {
		m := good()
		c.edit(m)
		if _, err := FromMetadata(m); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	m := good()
	m.Set(keyAddBOS, true)
	m.Set(keyBOS, uint32(99))
	m.Set(keyMerges, []string{"a b", "x y", "z"})
	tok, err := FromMetadata(m)
	if err != nil {
		t.Fatal(err)
	}
	if tok.BOS != -1 || tok.AddBOS || len(tok.Warnings) != 4 {
		t.Errorf("BOS %d AddBOS %t warnings %q", tok.BOS, tok.AddBOS, tok.Warnings)
	}
}
