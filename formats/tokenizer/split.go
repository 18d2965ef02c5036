package tokenizer

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dlclark/regexp2"

	"bitmill/formats"
)

// A splitter cuts text into the pieces that byte-pair encoding may not merge across ("pre-tokenization"). Several in a
// row each cut the pieces of the one before.
type splitter interface {
	split(text string, piece func(string))
}

// splitAll runs text through all splitters.
func splitAll(stages []splitter, text string, piece func(string)) {
	if len(stages) == 0 {
		if text != "" {
			piece(text)
		}
		return
	}
	stages[0].split(text, func(s string) { splitAll(stages[1:], s, piece) })
}

// newSplitter returns the scanner of a known pattern, or a program, or regexp2 for what programs do not cover.
func newSplitter(pattern string) (splitter, error) {
	switch pattern {
	case `\p{N}`, `\p{N}{1}`:
		return numberSplitter{1}, nil
	case `\p{N}{1,3}`:
		return numberSplitter{3}, nil
	case `\p{N}+`:
		return numberSplitter{}, nil
	}
	if s := scannerOf(pattern); s != nil {
		return s, nil
	}
	if p, err := compile(pattern); err == nil {
		return p, nil
	}
	return newRegexp(pattern)
}

// newMatcher is newSplitter for those who need to know matches from what lies between them.
func newMatcher(pattern string) (func(text string, each func(span)), error) {
	if p, err := compile(pattern); err == nil {
		return p.spans, nil
	}
	r, err := newRegexp(pattern)
	if err != nil {
		return nil, err
	}
	return r.spans, nil
}

// regexpSplitter cuts around the matches of any pattern: every match is a piece, and so is what lies between two
// matches. An empty match is a cut.
type regexpSplitter struct{ expr *regexp2.Regexp }

func newRegexp(pattern string) (*regexpSplitter, error) {
	flat, ok := flattenSets(pattern)
	if !ok {
		return nil, fmt.Errorf("%w: the tokenizer's pattern %s has sets of characters in a form that bitmill does not know", formats.ErrUnsupported, pattern)
	}
	// In Oniguruma's syntax ^ and $ match at every line; the patterns of llama.cpp use $ only within lines.
	expr, err := regexp2.Compile(longS.Replace(atomicGroups(flat)), regexp2.Multiline)
	if err != nil {
		return nil, fmt.Errorf("%w: the tokenizer's pattern %s: %v", formats.ErrUnsupported, pattern, err)
	}
	return &regexpSplitter{expr: expr}, nil
}

func (p *regexpSplitter) split(text string, piece func(string)) {
	p.spans(text, func(s span) { piece(text[s.from:s.to]) })
}

// spans calls each with the matches and what lies between them, but for empty ones.
func (p *regexpSplitter) spans(text string, each func(span)) {
	offsets := runeOffsets(text)
	emit := func(from, to int, match bool) {
		if from < to {
			each(span{offsets[from], offsets[to], match})
		}
	}
	gap := 0
	// No timeout is set, so the only error regexp2 has cannot happen; were it to, the rest would be one piece.
	m, err := p.expr.FindStringMatch(text)
	for ; m != nil && err == nil; m, err = p.expr.FindNextMatch(m) {
		emit(gap, m.Index, false)
		emit(m.Index, m.Index+m.Length, true)
		gap = m.Index + m.Length
	}
	emit(gap, len(offsets)-1, false)
}

// longS adds ſ, whose other case is s, to contractions in any case: Oniguruma folds it, regexp2 does not.
var longS = strings.NewReplacer("(?i:'s|", "(?i:'s|'ſ|", "'(?i:[sdmt]", "'(?i:[sſdmt]")

// possessive finds a class, a property or an escape with a possessive quantifier: [^\r\n]?+ or \p{L}++.
var possessive = regexp.MustCompile(`(\[(?:[^\]\\]|\\.)*\]|\\[pP]\{[^}]*\}|\\.)([?*+])\+`)

// atomicGroups rewrites possessive quantifiers, which Oniguruma has, as atomic groups, which .NET's syntax has: X++ is (?>X+).
func atomicGroups(pattern string) string { return possessive.ReplaceAllString(pattern, "(?>$1$2)") }
