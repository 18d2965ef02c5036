package tokenizer

import (
	"reflect"
	"testing"
	"testing/fstest"

	"bitmill/formats/gguf"
)

// Of Gemma 4 the converter calls special what tokenizer_config.json names, whatever tokenizer.json says.
func TestNamedTypes(t *testing.T) {
	files := fstest.MapFS{
		"tokenizer.json": {Data: []byte(`{"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true,
			"vocab": {"<unk>": 0, "<bos>": 1, "<|call>": 2, "<free>": 3, "<image>": 4, "a": 5, "▁": 6, "<0x0A>": 7}, "merges": []},
			"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
			"added_tokens": [{"id": 1, "content": "<bos>", "special": true}, {"id": 2, "content": "<|call>", "special": true},
				{"id": 3, "content": "<free>", "special": true}, {"id": 4, "content": "<image>", "special": true},
				{"id": 8, "content": "<new>", "special": false}, {"id": 9, "content": "<end>", "special": false}]}`)},
		"tokenizer_config.json": {Data: []byte(`{"bos_token": "<bos>", "image_token": {"content": "<image>"},
			"extra_special_tokens": ["<end>"], "unk_token": "<unk>"}`)},
	}
	tok, err := folder{files, "folder", FolderOptions{Shown: []string{"<|call>"}}}.open()
	if err != nil {
		t.Fatal(err)
	}
	m := new(gguf.Metadata)
	m.Set("general.architecture", "gemma4")
	tok.AddMetadata(m, 10)
	types, _ := m.Get(keyTypes)
	want := []int32{int32(Control), int32(Control), int32(UserDefined), int32(Normal), int32(Control), int32(Normal),
		int32(Normal), int32(Byte), int32(UserDefined), int32(Control)}
	if !reflect.DeepEqual(types, want) {
		t.Errorf("types %v, want %v", types, want)
	}
	if ids := tok.Encode("a<|call>a<image>", Options{}); ids[1] != 2 || len(ids) < 5 || ids[3] == 4 {
		t.Errorf("tokens %v: <|call> is text that is one token, <image> is special", ids)
	}
}
