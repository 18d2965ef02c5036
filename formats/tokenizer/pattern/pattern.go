// Package pattern matches the regular expressions of tokenizer.json files, in Oniguruma's syntax and with its Unicode
// tables, which are newer than Go's.
//
// A pattern is compiled to steps that lead to one another; a match tries them in order and backtracks. What tokenizers
// use is covered: classes and their unions and intersections, properties, groups, greedy, lazy and possessive
// repetition, lookahead and lookbehind, (?i: ). Everything else is refused by name (formats.ErrUnsupported): back
// references, POSIX brackets, flags, repetitions of a group that may be empty.
package pattern

import "strings"

// Pattern is a compiled pattern. It is safe for use by several goroutines.
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

// Spans calls each with the matches and with what lies between them, in order. Matches come from left to right and
// without overlap; an empty one parts the two spans beside it. Bytes that are not UTF-8 count as characters of their
// own (U+FFFD).
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

// ReplaceAll is text with every match replaced by content as it is: the empty ones too, but for those where another
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
