// Package pattern matches the regular expressions of tokenizer.json files, in Oniguruma's syntax and with its tables of
// Unicode 16, which Go's do not have yet.
//
// A pattern is compiled to linked steps; a match tries them in order and backtracks. The package knows what tokenizers
// use: classes with unions and intersections, properties, groups, greedy, lazy, possessive and atomic repetition,
// lookahead and lookbehind, (?i: ). Everything else is refused by name (formats.ErrUnsupported), for instance back
// references, POSIX brackets, other flags, and repetitions of a group that may be empty.
package pattern

import "strings"

// Pattern is a compiled pattern. Several goroutines may use it.
type Pattern struct {
	start *step
	empty bool // a match may be empty
}

// Span is a stretch of a text that is a match, or lies between two: text[From:To], never empty.
type Span struct {
	From, To int
	Match    bool
}

// Literal is the pattern that matches text and nothing else.
func Literal(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Spans calls each with the matches and with what lies between them, in order. Matches are found from left to right and
// do not overlap; an empty match separates the spans on its two sides. A byte that is not UTF-8 counts as a character
// of its own, U+FFFD.
func (p *Pattern) Spans(text string, each func(Span)) {
	m := matcher{text: text}
	gap := 0
	for from, to := m.find(p); from >= 0; from, to = m.find(p) {
		if gap < from {
			each(Span{gap, from, false})
		}
		if from < to {
			each(Span{from, to, true})
		}
		gap = to
	}
	if gap < len(text) {
		each(Span{gap, len(text), false})
	}
}

// Split calls piece with every span of text.
func (p *Pattern) Split(text string, piece func(string)) {
	p.Spans(text, func(s Span) { piece(text[s.From:s.To]) })
}

// ReplaceAll replaces every match in text by content, literally. Empty matches are replaced too, except where another
// match ends.
func (p *Pattern) ReplaceAll(text, content string) string {
	var b strings.Builder
	m := matcher{text: text}
	gap := 0
	for from, to := m.find(p); from >= 0; from, to = m.find(p) {
		b.WriteString(text[gap:from])
		b.WriteString(content)
		gap = to
	}
	b.WriteString(text[gap:])
	return b.String()
}
