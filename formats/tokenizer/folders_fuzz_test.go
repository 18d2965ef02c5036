package tokenizer

import (
	"testing"
	"testing/fstest"
)

// FuzzOlderFiles: no tiktoken file, tekken.json, vocab.json with merges.txt or list of added tokens makes reading or
// encoding panic, with and without a number of rows.
func FuzzOlderFiles(f *testing.F) {
	f.Add("tokenizer.model", "YQ== 0\nYg== 1\nYWI= 2\n", "", `{"added_tokens_decoder":{"4":{"content":"<t>"}}}`, uint8(3))
	f.Add("qwen.tiktoken", "YQ== 0\nYg== 1\nYWI= 2\n", "", `{}`, uint8(5))
	f.Add("tekken.json", `{"config":{"pattern":"\\p{L}+","default_vocab_size":23},"vocab":[{"token_bytes":"YQ=="},{"token_bytes":"Yg=="},{"token_bytes":"YWI="}]}`, "", `{"pad_token":"[PAD]"}`, uint8(0))
	f.Add("vocab.json", `{"a":0,"b":1,"ab":2}`, "#version: 0.2\na b\n", `{"tokenizer_class":"GPT2Tokenizer","added_tokens_decoder":{"7":{"content":"ab","lstrip":true}}}`, uint8(2))
	f.Add("vocab.json", `{"a":0,"b":5}`, "a\n b\n", `{"tokenizer_class":"Qwen2Tokenizer","extra_special_tokens":{"x":"<x>"},"image_token":"<i>"}`, uint8(9))
	f.Fuzz(func(t *testing.T, name, data, merges, config string, rows uint8) {
		files := fstest.MapFS{name: {Data: []byte(data)}, "merges.txt": {Data: []byte(merges)},
			"tokenizer_config.json": {Data: []byte(config)}}
		tok, err := folder{files, "folder", FolderOptions{Rows: int(rows)}}.open()
		if err != nil {
			return
		}
		if rows > 0 && tok.Vocab() > int(rows) {
			t.Errorf("%d ids for %d rows", tok.Vocab(), rows)
		}
		if tok.Vocab() > 1<<16 {
			t.Skip("large ids only cost time")
		}
		tok.Decode(tok.Encode("ab <s> b\n<t>", Options{ParseSpecial: true}))
	})
}
