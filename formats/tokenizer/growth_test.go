package tokenizer

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
)

// A normalizer in use is accepted, and one that makes a text too long is refused before it is run.
func TestGrowth(t *testing.T) {
	replace := func(from, to string) string {
		return `{"type":"Replace","pattern":{"String":"` + from + `"},"content":"` + to + `"}`
	}
	sequence := func(list ...string) string {
		return `{"type":"Sequence","normalizers":[` + strings.Join(list, ",") + `]}`
	}
	for raw, ok := range map[string]bool{
		`null`:                     true,
		`{"type":"NFKC"}`:          true,
		replace(" ", "▁"):          true,
		replace("aaaaaaaa", "bbb"): true,
		sequence(`{"type":"Prepend","prepend":"▁"}`, replace(" ", "▁"), `{"type":"NFC"}`):                true,
		sequence(replace("``", `\"`), replace("''", `\"`), `{"type":"NFKD"}`, `{"type":"StripAccents"}`): true,
		replace("a", strings.Repeat("a", 100)):                                                           false,
		sequence(replace("a", "aaaaaaaaa"), replace("a", "aaaaaaaaa")):                                   false,
		sequence(sequence(replace("a", "aaaaaaaaa")), sequence(replace("a", "aaaaaaaaa"))):               false,
		`{"type":"Prepend","prepend":"` + strings.Repeat("a", 100) + `"}`:                                false,
		`{"type":"Replace","pattern":{"Regex":"x*"},"content":"` + strings.Repeat("a", 100) + `"}`:       false,
	} {
		err := checkGrowth([]byte(raw))
		if (err == nil) != ok || err != nil && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%.200s: %v", raw, err)
		}
	}
	trie := "\x04\x00\x00\x00" + "\x00\x00\x00\x00"
	if _, err := parseCharsmap([]byte(trie + strings.Repeat("a", 2000) + "\x00")); !errors.Is(err, formats.ErrCorrupt) {
		t.Errorf("a long replacement: %v", err)
	}
}
