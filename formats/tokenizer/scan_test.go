package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// atoms are strings that patterns treat in special ways.
var atoms = []string{"'", "'s", "'T", "'ll", "'Re", "'ſ", "a", "Bc", "é", "e\u0301", "\u0301", "한", "中文", "ہ", "हि", "1", "23", "4567", "½", "Ⅷ", "٣",
	" ", "  ", "\n", "\r\n", "\r", "\t", "\v", "\u00a0", "\u0085", "\u2028", "\u3000", "\u180e", "\u200b", ".", "!?", "--", "_", "🦙", "\ufffd", "\x00", "\U0010ffff"}

// randomText strings atoms together; some are bytes that are not UTF-8.
func randomText(r *rand.Rand, valid bool) string {
	var b strings.Builder
	for range r.IntN(12) {
		switch r.IntN(8) {
		case 0:
			b.WriteRune(rune(r.IntN(0x3000)))
		case 1:
			if !valid {
				b.WriteByte(byte(r.IntN(256)))
			}
		default:
			b.WriteString(atoms[r.IntN(len(atoms))])
		}
	}
	return b.String()
}

func pieces(s splitter, text string) (all []string) {
	s.split(text, func(p string) { all = append(all, p) })
	return all
}

// spellings are all patterns, as files spell them.
func spellings() []string {
	all := []string{`\p{N}`, `\p{N}+`, `\p{N}{1,3}`}
	for _, s := range scanners {
		all = append(all, s.pattern)
	}
	const fold = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	for _, p := range preTokenizers {
		for _, pattern := range p.patterns {
			if !slices.Contains(all, pattern) {
				all = append(all, pattern)
			}
		}
	}
	return append(all,
		fold+`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		fold+`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
		`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`)
}

// checkSplitters compares the splitter of every pattern with regexp2 on one text.
func checkSplitters(t *testing.T, fast, slow []splitter, text string) {
	t.Helper()
	for i := range fast {
		got, want := pieces(fast[i], text), pieces(slow[i], text)
		if !slices.Equal(got, want) {
			t.Errorf("%s on %q\n got %q\nwant %q", spellings()[i], text, got, want)
		}
		if joined := strings.Join(got, ""); joined != text {
			t.Errorf("%s on %q loses text: %q", spellings()[i], text, joined)
		}
	}
}

func bothSplitters(t testing.TB) (fast, slow []splitter) {
	t.Helper()
	for _, p := range spellings() {
		f, err := newSplitter(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, isRegexp := f.(*regexpSplitter); isRegexp {
			t.Fatalf("%s is left to regexp2", p)
		}
		s, err := newRegexp(p)
		if err != nil {
			t.Fatal(err)
		}
		fast, slow = append(fast, f), append(slow, s)
	}
	return fast, slow
}

func TestScannersEqualRegexp(t *testing.T) {
	fast, slow := bothSplitters(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkSplitters(t, fast, slow, randomText(r, false))
		if t.Failed() {
			return
		}
	}
}

func FuzzScannersEqualRegexp(f *testing.F) {
	fast, slow := bothSplitters(f)
	for _, s := range []string{"I'll don't HE'S ", "a \n\n b", " \t123 4567", "x'ſ", "\xff\xfe a\x80", strings.Join(atoms, "")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkSplitters(t, fast, slow, text) })
}

// TestEveryPatternCompiles also checks that the table is sorted, as findPre needs, and that no splitter loses text.
func TestEveryPatternCompiles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var texts []string
	for range 20 {
		texts = append(texts, randomText(r, false))
	}
	for i, p := range preTokenizers {
		if i > 0 && preTokenizers[i-1].name >= p.name {
			t.Errorf("%s after %s", p.name, preTokenizers[i-1].name)
		}
		var stages []splitter
		for _, pattern := range p.patterns {
			s, err := newSplitter(pattern)
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			stages = append(stages, s)
		}
		for _, text := range texts {
			joined := ""
			splitAll(stages, text, func(s string) { joined += s })
			if joined != text {
				t.Errorf("%s turns %q into %q", p.name, text, joined)
			}
		}
	}
	for _, name := range preferred {
		if _, ok := findPre(name); !ok {
			t.Errorf("%s is preferred but unknown", name)
		}
	}
}

// TestKnownPieces states by hand what the three main patterns make of some texts.
func TestKnownPieces(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          []string
	}{
		{llama3, "Hello  world, it's 12345\n\n  x", []string{"Hello", " ", " world", ",", " it", "'s", " ", "123", "45", "\n\n", " ", " x"}},
		{qwen2, "a1234 !?\r\n\tb", []string{"a", "1", "2", "3", "4", " !?\r\n", "\tb"}},
		{gpt2, "He'S we've  1234\n\n x", []string{"He", "'", "S", " we", "'ve", " ", " 1234", "\n\n", " x"}},
		{gpt2, "a \n", []string{"a", " \n"}},
		{llama3, "\u3000\u00a0a", []string{"\u3000", "\u00a0a"}},
		{qwen35, "कि\u0301 ि", []string{"कि\u0301", " ि"}},
		{qwen2, "\xffa\xff\xfe", []string{"\xffa", "\xff\xfe"}},
	}
	for _, c := range tests {
		s, err := newSplitter(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := pieces(s, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

func TestPatternsThatCannotRun(t *testing.T) {
	for _, p := range []string{`(`, `[a`, `(?i:[a[^b]])`, `\p{Unknown}`, `\p{N}{1,3}+`} {
		if s, err := newSplitter(p); err == nil {
			t.Errorf("%s was taken: %v", p, s)
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
		p, err := compile(pattern)
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

// TestDeepGroup: a repeated group over a long text neither overflows the stack nor cuts otherwise than regexp2.
func TestDeepGroup(t *testing.T) {
	p, err := compile(exaoneMoE)
	if err != nil {
		t.Fatal(err)
	}
	text := "1 x" + strings.Repeat("ab ", deepest) + "2"
	if got := pieces(p, text); len(got) != 4 || len(got[1]) != len(text)-3 {
		t.Errorf("%d pieces", len(got))
	}
}

func TestRuneOffsets(t *testing.T) {
	const text = "a\xff€\xe2\x82"
	offsets := runeOffsets(text)
	if want := []int{0, 1, 2, 5, 6, 7}; !slices.Equal(offsets, want) || len(offsets) != utf8.RuneCountInString(text)+1 {
		t.Errorf("got %v, want %v", offsets, want)
	}
}
