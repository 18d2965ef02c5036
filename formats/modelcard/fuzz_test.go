package modelcard

import (
	"testing"
	"unicode/utf8"
)

// A model card holds anything at all.
func FuzzCard(f *testing.F) {
	f.Add("---\nlicense: mit\ntags:\n- a\n- 'b''c'\nlanguage: [en, de]\nbase_model:\nx: |\n  y\n---\n", "org/Base-7b1-chat-v1.0", int64(7e9))
	f.Fuzz(func(t *testing.T, text, id string, parameters int64) {
		info := new(Info)
		card, _ := parseCard(text)
		info.fromCard(card, parameters)
		info.fromNames(id, "folder", Size{Total: parameters})
		if info.Name == "" {
			t.Fatal("there is no name")
		}
		if utf8.ValidString(text) && utf8.ValidString(id) && !utf8.ValidString(info.Name+info.Basename+info.License) {
			t.Fatalf("%+v breaks characters", *info)
		}
	})
}
