package tokenizer

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"bitmill/formats/gguf"
)

// pieceModel is a SentencePiece model of BPE with <unk>, <s>, </s> and these pieces.
func pieceModel(pieces ...string) []byte {
	var out []byte
	message := func(number byte, data []byte) []byte {
		return append([]byte{number<<3 | 2, byte(len(data))}, data...)
	}
	for i, text := range slices.Concat([]string{"<unk>", "<s>", "</s>"}, pieces) {
		kind := map[string]byte{"<unk>": 2, "<s>": 3, "</s>": 3}[text]
		if kind == 0 {
			kind = 1
		}
		p := append(message(1, []byte(text)), 2<<3|5)
		p = binary.LittleEndian.AppendUint32(p, math.Float32bits(-float32(i)))
		out = append(out, message(1, append(p, 3<<3, kind))...)
	}
	return append(out, message(2, []byte{3 << 3, 2})...)
}

// TestSentencePieceAdded: tokens that files beside the model add go by their text, take another piece's place or count on.
func TestSentencePieceAdded(t *testing.T) {
	const special = `{"content":"<pad>","special":true}`
	for _, tt := range []struct {
		name, added, decoder string
		rows                 int
		tokens               string // from id 3 on
		types                []uint64
		told                 string
	}{
		{"none", ``, ``, 0, "a b", []uint64{1, 1}, ""},
		{"next", `{"<t>":5}`, ``, 0, "a b <t>", []uint64{1, 1, 4}, ""},
		{"a gap", `{"<t>":9}`, ``, 0, "a b <t>", []uint64{1, 1, 4}, `"<t>" is token 5, not 9`},
		{"by text", `{"b":5,"<t>":6}`, ``, 0, "a b <t>", []uint64{1, 4, 4}, `"b" is token 4, not 5, and 1 more differ`},
		{"only in the configuration", ``, `"5":` + special, 0, "a b <pad>", []uint64{1, 1, 3}, ""},
		{"in both files", `{"<pad>":5}`, `"5":` + special, 0, "a b <pad>", []uint64{1, 1, 3}, ""},
		{"another name", ``, `"4":` + special, 0, "a <pad>", []uint64{1, 3}, `token 4, "b", becomes "<pad>"`},
		{"no row", `{"<t>":6}`, `"5":` + special, 6, "a b <t>", []uint64{1, 1, 4}, `token 6, "<pad>", has no row in the embedding of 6`},
		{"pieces without a row", ``, ``, 4, "a", []uint64{1}, `token 4, "b", has no row`},
	} {
		files := fstest.MapFS{"tokenizer.model": {Data: pieceModel("a", "b")},
			"tokenizer_config.json": {Data: []byte(`{"added_tokens_decoder":{` + tt.decoder + `}}`)}}
		if tt.added != "" {
			files["added_tokens.json"] = &fstest.MapFile{Data: []byte(tt.added)}
		}
		tok, err := folder{files, "folder", FolderOptions{Rows: tt.rows}}.open()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		m := &gguf.Metadata{}
		tok.AddMetadata(m, tok.Vocab())
		tokens, _, _ := m.Strings(keyTokens)
		types, _ := m.Get(keyTypes)
		kinds := types.([]int32)
		var got []uint64
		for _, k := range kinds[3:] {
			got = append(got, uint64(k))
		}
		if text := strings.Join(tokens[3:], " "); text != tt.tokens || !slices.Equal(got, tt.types) {
			t.Errorf("%s: %s of the kinds %v, want %s of %v", tt.name, text, got, tt.tokens, tt.types)
		}
		if all := strings.Join(tok.Warnings, "\n"); !strings.Contains(all, tt.told) || (tt.told == "") != !strings.Contains(all, "token ") {
			t.Errorf("%s: warnings %q", tt.name, tok.Warnings)
		}
	}
}
