package tokenizer

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"bitmill/formats"
)

// plain is a pattern in a common spelling: line breaks escaped, contractions in both cases, no possessive quantifiers,
// one line break where \s* has taken those before it. It is for recognizing a pattern, not for matching: without
// possessives some patterns match otherwise.
var plain = func() func(string) string {
	const contractions = `'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])`
	possessive := regexp.MustCompile(`(\[(?:[^\]\\]|\\.)*\]|\\[pP]\{[^}]*\}|\\.)([?*+])\+`)
	r := strings.NewReplacer("\r", `\r`, "\n", `\n`,
		`\s*[\r\n]+`, `\s*[\r\n]`, "\\s*[\r\n]+", `\s*[\r\n]`,
		`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`, contractions,
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)`, contractions,
		`'(?i:[sdmt]|ll|ve|re)`, contractions)
	return func(pattern string) string { return possessive.ReplaceAllString(r.Replace(pattern), "$1$2") }
}()

// preferred are the names that are chosen first, in this order, where several have the same patterns.
var preferred = []string{"llama-bpe", "smaug-bpe", "qwen2", "gpt-2", "smollm", "tekken", "gpt-4o", "deepseek-v3",
	"bailingmoe", "poro-chat"}

// findPre returns llama.cpp's pre-tokenizer by its name.
func findPre(name string) (preTokenizer, bool) {
	i := sort.Search(len(preTokenizers), func(i int) bool { return preTokenizers[i].name >= name })
	if i == len(preTokenizers) || preTokenizers[i].name != name {
		return preTokenizer{}, false
	}
	return preTokenizers[i], true
}

// presOf returns the pre-tokenizers that cut texts as the patterns do, the preferred ones first.
func presOf(patterns []string) []preTokenizer {
	same := func(a, b string) bool { return a == b || plain(a) == plain(b) }
	var found []preTokenizer
	for _, p := range preTokenizers {
		if !p.underlined && slices.EqualFunc(p.patterns, patterns, same) {
			found = append(found, p)
		}
	}
	rank := func(p preTokenizer) int {
		if i := slices.Index(preferred, p.name); i >= 0 {
			return i
		}
		return len(preferred)
	}
	slices.SortStableFunc(found, func(a, b preTokenizer) int { return rank(a) - rank(b) })
	return found
}

// choosePre sets Pre to the first name that implies what the file says: its patterns, whether words that are tokens
// stay whole (unless that makes no difference), and whether BOS is added (unless the file says so itself).
func (t *Tokenizer) choosePre(b *bpe, patterns []string, ignoreMerges bool) {
	found := presOf(patterns)
	for _, p := range found {
		if (t.bosSaid || p.addBOS == t.AddBOS) && (p.ignoreMerges == ignoreMerges || b.mergesReachAll(t)) {
			t.Pre = p.name
			return
		}
	}
	if len(found) > 0 {
		t.Pre = found[0].name
		t.warn(fmt.Sprintf("llama.cpp's pre-tokenizer %s cuts texts the same way, but implies other settings than "+
			"this vocabulary's: ignore_merges %t, add_bos_token %t", t.Pre, ignoreMerges, t.AddBOS))
		return
	}
	want := strings.Join(patterns, " ")
	names := slices.Clone(preferred)
	for _, p := range preTokenizers {
		if !p.underlined {
			names = append(names, p.name)
		}
	}
	candidates := make([]string, len(names))
	for i, name := range names {
		p, _ := findPre(name)
		candidates[i] = strings.Join(p.patterns, " ")
	}
	t.Pre = names[slices.Index(candidates, formats.Nearest(want, candidates))]
	t.warn(fmt.Sprintf("llama.cpp has no pre-tokenizer for the pattern %s; GGUF files will name %s, the nearest one, "+
		"and llama.cpp will cut some texts differently", want, t.Pre))
}

// tellUnwritten warns of what happens to a text before byte-level BPE cuts it and no key of a GGUF file says. NFC, which
// leaves most texts as they are, is passed over.
func (t *Tokenizer) tellUnwritten() {
	const sample = "The Café  ﬁ" // composed
	if t.normalize != nil {
		if changed := t.normalize(sample); changed != sample {
			t.warn(fmt.Sprintf("tokenizer.json's normalizer makes %q of %q, which llama.cpp does not do for byte-level BPE: "+
				"it will read some texts differently", changed, sample))
		}
	}
	if t.prefixSpace {
		t.warn("tokenizer.json puts a space before every text (add_prefix_space), which llama.cpp does not do for " +
			"byte-level BPE: it will read texts without one differently")
	}
}
