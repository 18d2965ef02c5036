package pattern

import (
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
)

// atoms are strings that patterns treat in special ways.
var atoms = []string{"'", "'s", "'T", "'ll", "'Re", "'ſ", "a", "Bc", "é", "e\u0301", "\u0301", "한", "中文", "ہ", "हि", "1", "23", "4567", "½", "Ⅷ", "٣",
	" ", "  ", "\n", "\r\n", "\r", "\t", "\v", "\u00a0", "\u0085", "\u2028", "\u3000", "\u180e", "\u200b", ".", "!?", "--", "_", "🦙", "\ufffd", "\x00", "\U0010ffff"}

// randomText strings atoms together; some are bytes that are not UTF-8.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(12) {
		switch r.IntN(8) {
		case 0:
			b.WriteRune(rune(r.IntN(0x3000)))
		case 1:
			b.WriteByte(byte(r.IntN(256)))
		default:
			b.WriteString(atoms[r.IntN(len(atoms))])
		}
	}
	return b.String()
}

func pieces(p *Pattern, text string) (all []string) {
	p.Split(text, func(piece string) { all = append(all, piece) })
	return all
}

// spellings are all patterns that llama.cpp has names for, and some that files spell in other ways.
func spellings(t testing.TB) []string {
	t.Helper()
	f, err := os.Open("../testdata/pieces.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Pres []struct{ Patterns []string } }
	if err := json.NewDecoder(z).Decode(&file); err != nil {
		t.Fatal(err)
	}
	const words = `[^\r\n\p{L}\p{N}]?\p{L}+`
	const marks = ` ?[^\s\p{L}\p{N}]+[\r\n]*`
	const spaces = `\s*[\r\n]+|\s+(?!\S)|\s+`
	all := []string{`\p{N}`, `\p{N}+`, `\p{N}{1,3}`,
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|` + words + `|\p{N}{1,3}|` + marks + `|` + spaces,
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|` + words + `|\p{N}|` + marks + `|` + spaces,
		`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|` + words + `|\p{N}{1,3}|` + marks + `|\s*[\r\n]|\s+(?!\S)|\s+`,
		`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
		`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
		` {2,}`, `(?<!^)$`, `[ \t\r\n]+`, `<\|[^|]+\|>`, `VELOCITY_..? NOTE_ON_..`, `[\s\S]`, `\S+|\s+`,
		`(?<=[1a])\s*?\S|(?<!\.|é)\p{L}`, `'.*?[a.]`, `(?:a|b| ){1,3}?[^ ]`, `(?>a|aB)c|(?i:b)C?`, `^ $|^a|c$`, `{|a{,2}b{x}`}
	for _, p := range file.Pres {
		for _, pattern := range p.Patterns {
			if !slices.Contains(all, pattern) {
				all = append(all, pattern)
			}
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d patterns", len(all))
	}
	return all
}

// both is a pattern, ours and the oracle's.
type both struct {
	text string
	ours *Pattern
	want *regexp2.Regexp
}

func compileBoth(t testing.TB) (list []both) {
	t.Helper()
	for _, text := range spellings(t) {
		p, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := oracle(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, both{text, p, want})
	}
	return list
}

// checkCuts compares the cuts of every pattern on one text with the oracle's.
func checkCuts(t *testing.T, list []both, text string) {
	t.Helper()
	for _, p := range list {
		got, want := pieces(p.ours, text), oraclePieces(p.want, text)
		if !slices.Equal(got, want) {
			t.Errorf("%s on %q\n got %q\nwant %q", p.text, text, got, want)
		}
		if joined := strings.Join(got, ""); joined != text {
			t.Errorf("%s on %q loses text: %q", p.text, text, joined)
		}
	}
}

func TestEqualsOracle(t *testing.T) {
	list := compileBoth(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkCuts(t, list, randomText(r))
		if t.Failed() {
			return
		}
	}
}

func FuzzEqualsOracle(f *testing.F) {
	list := compileBoth(f)
	for _, s := range []string{"I'll don't HE'S ", "a \n\n b", " \t123 4567", "x'ſ", "\xff\xfe a\x80", strings.Join(atoms, "")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkCuts(t, list, text) })
}
