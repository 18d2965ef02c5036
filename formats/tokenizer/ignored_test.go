package tokenizer

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"bitmill/formats/gguf"
)

// A value that does not fit costs that value, with a warning that names file and key; all others count.
func TestOneBadValue(t *testing.T) {
	good := `"bos_token":"<|endoftext|>","add_bos_token":true,"chat_template":"{{ x }}"`
	for _, c := range []struct{ file, value, says string }{
		{"tokenizer_config.json", `"model_max_length": Infinity`, ""},
		{"tokenizer_config.json", `"limits": [NaN, -Infinity, 1e999]`, ""},
		{"tokenizer_config.json", `"eos_token": null, "add_eos_token": null, "pad_token": false`, ""},
		{"tokenizer_config.json", `"add_eos_token": "maybe"`, "folder/tokenizer_config.json: add_eos_token is not true or false"},
		{"tokenizer_config.json", `"eos_token": 5`, "folder/tokenizer_config.json: eos_token is not a token"},
		{"tokenizer_config.json", `"note": "caf` + "\xe9" + `"`, "folder/tokenizer_config.json: note holds text that is not Unicode"},
		{"config.json", `"limits": [NaN, -Infinity, 1e999]`, ""},
		{"config.json", `"eos_token_id": "zero"`, "folder/config.json: eos_token_id is not the id of a token"},
		{"config.json", `"eos_token_id": 0.5`, "folder/config.json: eos_token_id is not the id of a token"},
		{"config.json", `"eos_token_id": NaN`, "folder/config.json: eos_token_id is not the id of a token"},
		{"config.json", `"eos_token_id": 4294967296`, "folder/config.json: eos_token_id is not the id of a token"},
		{"config.json", `"eos_token_id": [0, 1], "sep_token_id": -1`, ""},
	} {
		files := map[string]string{"tokenizer_config.json": "{" + good + "}", "config.json": `{"pad_token_id": "1.0"}`}
		files[c.file] = "\xef\xbb\xbf{" + c.value + "," + files[c.file][1:]
		tok, err := small(t, nil, files)
		if err != nil {
			t.Errorf("%s %s: %v", c.file, c.value, err)
			continue
		}
		if got := strings.Join(tok.Warnings, "\n"); !strings.HasPrefix(got, c.says) || (c.says == "") != (got == "") {
			t.Errorf("%s %s: warnings %q", c.file, c.value, tok.Warnings)
		}
		var m gguf.Metadata
		tok.AddMetadata(&m, 1024)
		pad, _ := m.Get("tokenizer.ggml.padding_token_id")
		template, _ := m.Get("tokenizer.chat_template")
		if pad != any(uint32(1)) || template != any("{{ x }}") || tok.BOS != 0 || !tok.AddBOS || tok.EOS != -1 {
			t.Errorf("%s %s: pad %v, template %v, BOS %d %t, EOS %d", c.file, c.value, pad, template, tok.BOS, tok.AddBOS, tok.EOS)
		}
	}
}

// What Python and Rust write for one vocabulary in different ways is one vocabulary.
func TestLooseNumbers(t *testing.T) {
	edit := func(vocab string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"added_tokens": []byte("[]"),
			"model": []byte(`{"type":"BPE","vocab":` + vocab + `,"merges":[["a","b"]]}`)}
	}
	want, err := small(t, edit(`{"a":0,"b":1,"ab":2}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"a":0.0,"b":1e0,"ab":2.0}`, `{"a":7,"b":1,"ab":"2","a":0}`} {
		got, err := small(t, edit(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got.tokens, " ") != strings.Join(want.tokens, " ") || !utf8.ValidString(strings.Join(got.tokens, " ")) {
			t.Errorf("%s: %q, want %q", text, got.tokens, want.tokens)
		}
	}
}
