package pattern

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
)

func TestPatternsThatCannotRun(t *testing.T) {
	for p, what := range map[string]string{
		`(`:              "an unclosed (, at byte 1",
		`a)`:             "an unmatched ), at byte 1",
		`[a`:             "an unclosed [, at byte 2",
		`(?i:[a[^b]])`:   "a class within (?i: that has more than characters and ranges",
		`\p{Unknown}`:    "the property Unknown",
		`\p{N}{1,3}+`:    "a counted repetition that is repeated",
		`a{2}?`:          "a counted repetition that is repeated",
		`a+*`:            "a repetition that is repeated",
		`a|*`:            "a repetition of nothing, at byte 2",
		`(a*)+`:          "a repeated group that may be empty",
		`((ab){99}){99}`: "a group repeated too often",
		`a{3,2}`:         "the repetition {3,2}",
		`(a)\1`:          `the escape \1`,
		`(?<name>a)`:     "a group of the form (?<",
		`(?m)a`:          "a group of the form (?m",
		`(?<=a|bc)`:      "a lookbehind of more than one length",
		`(?<=a+b)`:       "a lookbehind of more than one length",
		`(?<=a+)`:        "a lookbehind of more than one length",
		`[[:alpha:]]`:    "a POSIX bracket, at byte 1",
		`[b-a]`:          "a range that ends before it begins",
		`\x{110000}`:     "the code point 110000",
		`\`:              "a backslash at the end",
	} {
		_, err := Compile(p)
		if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), "the pattern "+p+": "+what) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestSets: operations on sets of characters.
func TestSets(t *testing.T) {
	for pattern, want := range map[string]string{
		`[\p{L}&&\p{Lu}]`:      "A|b|C|1中",
		`[^\p{L}&&[^C]]`:       "Ab|C|1|中",
		`[b[1中]]+`:             "A|b|C|1中|",
		`[a-zA-Z&&[^bC]]`:      "|A|bC1中",
		`\P{L}+`:               "AbC|1|中",
		`[[^b]]+`:              "|A|b|C1中|",
		`(?i:c|b)+`:            "A|bC|1中",
		`(?:b?C)++`:            "A|bC|1中",
		`\x{41}|\u0043|\x31`:   "|A|b|C||1|中",
		`\b`:                   "AbC1中",
		`(?=1)|(?!b)(?=[bC中])`: "Ab|C|1|中",
	} {
		p, err := Compile(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		got := strings.Join(pieces(p, "AbC1中"), "|")
		if got != strings.Trim(strings.ReplaceAll(want, "||", "|"), "|") {
			t.Errorf("%s cuts %s, want %s", pattern, got, want)
		}
	}
}

// TestDeepGroup: a repeated group may go over a long text.
func TestDeepGroup(t *testing.T) {
	p, err := Compile(`[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|\s+(?!\S)|\s+`) // EXAONE MoE's
	if err != nil {
		t.Fatal(err)
	}
	text := "1 x" + strings.Repeat("ab ", 1<<20) + "2"
	if got := pieces(p, text); len(got) != 4 || len(got[1]) != len(text)-3 {
		t.Errorf("%d pieces", len(got))
	}
}

// TestReplaceAll: empty matches are replaced too, but not where another match ends.
func TestReplaceAll(t *testing.T) {
	for _, c := range []struct{ pattern, text, content, want string }{
		{` {2,}`, "a  b   c d", " ", "a b c d"},
		{`(?<!\n)^`, "ab\ncd", "▁", "▁ab\ncd"}, // the beginning of the text, as some SentencePiece conversions spell it
		{`^`, "ab\ncd\n", "▁", "▁ab\n▁cd\n"},
		{`$`, "a\nb", ".", "a.\nb."},
		{`a*`, "aabc", "$1", "$1b$1c$1"},
		{`b*?`, "ab", "-", "-a-b-"},
		{`x`, "", "y", ""},
		{`(?<!^)$`, "", "y", ""},
		{`\xff|.`, "\xff\xc3é", "?", "???"},
	} {
		p, err := Compile(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ReplaceAll(c.text, c.content); got != c.want {
			t.Errorf("%s in %q: got %q, want %q", c.pattern, c.text, got, c.want)
		}
	}
}

// TestLiteral: any text is a pattern of itself.
func TestLiteral(t *testing.T) {
	for _, text := range []string{"a", `\.+*?()|[]{}^$#-&&`, "[:alpha:]", "a{2}", "\n ü", "(?i:a)"} {
		p, err := Compile(Literal(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ReplaceAll("<"+text+text+">", "x"); got != "<xx>" {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestNewerWords: characters of Unicode 16 are letters, of words too.
func TestNewerWords(t *testing.T) {
	for _, text := range []string{`\p{L}`, `\w`, `\p{Lo}`, `(?<=\b).\b`} {
		p, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ReplaceAll("\U000105C0", "x"); got != "x" {
			t.Errorf("%s does not match U+105C0: %q", text, got)
		}
	}
}

// FuzzPattern: no pattern makes the matcher panic or lose text.
func FuzzPattern(f *testing.F) {
	for _, p := range spellings(f) {
		f.Add(p, "It's 1234 한국 \n x")
	}
	f.Add(`[a&&[^b]]{2,3}+(?i:k|s)?\b|$`, "aK\u212a ſ")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 40 || strings.Count(pattern, "+")+strings.Count(pattern, "*")+strings.Count(pattern, "{") > 6 {
			return // patterns can ask for exponential time
		}
		p, err := Compile(pattern)
		if err != nil {
			return
		}
		if joined := strings.Join(pieces(p, text), ""); joined != text {
			t.Errorf("%s makes %q of %q", pattern, joined, text)
		}
	})
}
