package tokenizer

import (
	"slices"
	"sort"
	"strings"
)

// scanners lists the patterns that need no regular-expression engine, in the plain spelling. Of the last two (GPT-4's
// cl100k and Bailing), \s*[\r\n] matches the same as \s*[\r\n]+.
var scanners = []struct {
	pattern string
	scanner scanner
}{
	{gpt2, scanner{contractions: lowerCase}},
	{llama3, scanner{contractions: anyASCIICase, lead: true, digits: 3}},
	{qwen2, scanner{contractions: anyASCIICase, lead: true, digits: 1}},
	{qwen35, scanner{contractions: anyASCIICase, lead: true, marks: true, digits: 1}},
	{minicpm5, scanner{contractions: anyASCIICase, lead: true}},
	{ufakzeka, scanner{lead: true, digits: 1}},
	{cl100k, scanner{contractions: anyASCIICase, lead: true, digits: 3}},
	{bailing, scanner{contractions: anyASCIICase, lead: true, digits: 1}},
}

// scannerOf returns the scanner of a pattern, nil when there is none.
func scannerOf(pattern string) *scanner {
	p := plain(pattern)
	for _, s := range scanners {
		if s.pattern == p {
			if strings.Contains(pattern, "(?i:") {
				s.scanner.contractions = anyCase
			}
			return &s.scanner
		}
	}
	return nil
}

// plain is a pattern in the spelling of pattern.go: line breaks escaped, contractions in both cases, no possessive
// quantifiers. It serves to recognise a pattern, not to run it: dropping a possessive changes what some match.
var plain = func() func(string) string {
	r := strings.NewReplacer("\r", `\r`, "\n", `\n`,
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)`, `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`,
		`'(?i:[sdmt]|ll|ve|re)`, `'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])`)
	return func(pattern string) string { return possessive.ReplaceAllString(r.Replace(pattern), "$1$2") }
}()

// preferred are the names to choose from first, in this order, when several stand for the same patterns.
var preferred = []string{"llama-bpe", "smaug-bpe", "qwen2", "gpt-2", "smollm", "tekken", "gpt-4o", "deepseek-v3", "bailingmoe", "poro-chat"}

// findPre returns llama.cpp's pre-tokenizer of a name.
func findPre(name string) (preTokenizer, bool) {
	i := sort.Search(len(preTokenizers), func(i int) bool { return preTokenizers[i].name >= name })
	if i == len(preTokenizers) || preTokenizers[i].name != name {
		return preTokenizer{}, false
	}
	return preTokenizers[i], true
}

// stages compiles the patterns.
func (p preTokenizer) stages() ([]splitter, error) {
	var stages []splitter
	for _, pattern := range p.patterns {
		s, err := newSplitter(pattern)
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// presOf returns the pre-tokenizers that cut as the patterns do, the preferred ones first.
func presOf(patterns []string) []preTokenizer {
	var found []preTokenizer
	for _, p := range preTokenizers {
		if !p.underlined && slices.EqualFunc(p.patterns, patterns, samePattern) {
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

// samePattern reports whether two patterns are the same but for spelling, or are run by the same scanner but for U+017F.
func samePattern(a, b string) bool {
	a, b = plain(a), plain(b)
	if a == b {
		return true
	}
	s, t := scannerOf(a), scannerOf(b)
	return s != nil && t != nil && *s == *t
}
