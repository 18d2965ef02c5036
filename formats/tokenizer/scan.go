package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// scanner cuts text as the patterns of GPT-2 and its descendants do, without a regular-expression engine. All of
// them have this shape (P is the prefix, W the word class, k the digits):
//
//	contraction | P?W+ | \p{N}{1,k} | ␠?[^\s W \p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+      lead
//	contraction | ␠?\p{L}+ | ␠?\p{N}+ | ␠?[^\s\p{L}\p{N}]+ | \s+(?!\S) | \s+                       GPT-2
//
// Every character belongs to some piece, so a scanner has no gaps.
type scanner struct {
	contractions contractions
	lead         bool // one character that is no line break, letter or number may lead a word; else only a space may, and before numbers too
	marks        bool // W is [\p{L}\p{M}]; else \p{L}
	digits       int  // most numbers in a piece; 0: any
}

// contractions says which of 's 't 're 've 'm 'll 'd are pieces of their own.
type contractions uint8

const (
	noContractions contractions = iota
	lowerCase                   // as written
	anyASCIICase                // '[sS] ...: as llama.cpp spells it
	anyCase                     // (?i:'s ...): the same and 'ſ (U+017F), whose other case is s, as in Oniguruma
)

// split calls piece with every piece of text in turn.
func (p *scanner) split(text string, piece func(string)) {
	for i := 0; i < len(text); {
		j := p.next(text, i)
		piece(text[i:j])
		i = j
	}
}

// next returns the end of the piece that starts at s[i].
func (p *scanner) next(s string, i int) int {
	if s[i] == '\'' {
		if n := p.contraction(s[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	word := letter
	if p.marks {
		word |= mark
	}
	c, n := classAt(s, i)
	first := i // where the run that decides the kind of the piece starts
	if s[i] == ' ' {
		first++
	}
	if p.lead {
		switch {
		case c&word != 0:
			return run(s, i+n, word)
		case c&number != 0:
			return p.numbers(s, i)
		case c&lineBreak == 0:
			if j := run(s, i+n, word); j > i+n {
				return j
			}
		}
	} else if first < len(s) {
		switch c, n := classAt(s, first); {
		case c&letter != 0:
			return run(s, first+n, letter)
		case c&number != 0:
			return p.numbers(s, first)
		}
	}
	if j := runNot(s, first, space|number|word); j > first {
		if p.lead {
			j = run(s, j, lineBreak)
		}
		return j
	}
	return p.spaces(s, i)
}

// numbers returns the end of at most p.digits numbers from i on.
func (p *scanner) numbers(s string, i int) int {
	if p.digits == 0 {
		return run(s, i, number)
	}
	for range p.digits {
		if i == len(s) {
			break
		}
		c, n := classAt(s, i)
		if c&number == 0 {
			break
		}
		i += n
	}
	return i
}

// spaces returns the end of a piece of white space: after its last line break; or all of it at the end of the text;
// or all but the last character, which leads what follows; or that one character.
func (p *scanner) spaces(s string, i int) int {
	last, broken, j := i, 0, i
	for j < len(s) {
		c, n := classAt(s, j)
		if c&space == 0 {
			break
		}
		last, j = j, j+n
		if c&lineBreak != 0 {
			broken = j
		}
	}
	switch {
	case p.lead && broken > 0:
		return broken
	case j < len(s) && last > i:
		return last
	}
	return j
}

// contraction returns how many bytes of s, which follow an apostrophe, form a contraction; 0 if none.
func (p *scanner) contraction(s string) int {
	if p.contractions == noContractions || s == "" {
		return 0
	}
	if p.contractions == anyCase && strings.HasPrefix(s, "ſ") {
		return len("ſ")
	}
	a, b := s[0], byte(0)
	if len(s) > 1 {
		b = s[1]
	}
	if p.contractions >= anyASCIICase {
		a, b = lower(a), lower(b)
	}
	switch {
	case a == 's' || a == 't' || a == 'm' || a == 'd':
		return 1
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 2
	}
	return 0
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

// numberSplitter cuts runs of \p{N} into pieces of at most max numbers (0: any) and leaves the text between them whole:
// the pattern \p{N}{1,max}, and Hugging Face's Digits.
type numberSplitter struct{ max int }

func (p numberSplitter) split(text string, piece func(string)) {
	s := scanner{digits: p.max}
	gap := 0
	for i := 0; i < len(text); {
		c, n := classAt(text, i)
		if c&number == 0 {
			i += n
			continue
		}
		if gap < i {
			piece(text[gap:i])
		}
		j := s.numbers(text, i)
		piece(text[i:j])
		i, gap = j, j
	}
	if gap < len(text) {
		piece(text[gap:])
	}
}

// runeOffsets returns the byte offset of every character of s and len(s) at the end; bytes that are not UTF-8 count
// as characters of their own, as []rune(s) counts them.
func runeOffsets(s string) []int {
	offsets := make([]int, 0, utf8.RuneCountInString(s)+1)
	for i := range s {
		offsets = append(offsets, i)
	}
	return append(offsets, len(s))
}
