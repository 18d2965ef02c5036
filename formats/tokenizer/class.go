package tokenizer

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// A class is the set of properties that the patterns of tokenizers ask about.
type class uint8

const (
	letter    class = 1 << iota // \p{L}
	number                      // \p{N}
	space                       // \s: Unicode White_Space, as in Oniguruma, Rust's regex and llama.cpp
	mark                        // \p{M}
	lineBreak                   // CR and LF, which are spaces too
)

// classify looks the properties of r up in Go's Unicode tables and those of newer.go. Characters of a newer version
// still count as symbols, here as in any other engine with older tables.
func classify(r rune) class {
	var c class
	switch {
	case unicode.IsLetter(r) || newer["L"].has(r):
		c = letter
	case unicode.IsNumber(r) || newer["N"].has(r):
		c = number
	case unicode.IsMark(r) || newer["M"].has(r):
		c = mark
	case unicode.IsSpace(r):
		c = space
	}
	if r == '\r' || r == '\n' {
		c |= lineBreak
	}
	return c
}

// asciiClass and pages hold the classes by character, a page for every 256 characters, filled when first asked for.
var (
	asciiClass [utf8.RuneSelf]class
	pages      [(unicode.MaxRune + 1) / 256]atomic.Pointer[[256]class]
)

func init() {
	for r := range asciiClass {
		asciiClass[r] = classify(rune(r))
	}
}

func classOf(r rune) class {
	page := pages[r>>8].Load()
	if page == nil {
		page = new([256]class)
		for i := range page {
			page[i] = classify(r&^255 | rune(i))
		}
		pages[r>>8].Store(page)
	}
	return page[r&255]
}

// classAt is the class of the character at s[i] and its length in bytes; a byte that is not UTF-8 counts as a
// character of its own, of the class of U+FFFD (a symbol).
func classAt(s string, i int) (class, int) {
	if s[i] < utf8.RuneSelf {
		return asciiClass[s[i]], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return classOf(r), n
}

// run returns the end of the characters from i on that have one of the wanted classes.
func run(s string, i int, want class) int {
	for i < len(s) {
		c, n := classAt(s, i)
		if c&want == 0 {
			break
		}
		i += n
	}
	return i
}

// runNot returns the end of the characters from i on that have none of the unwanted classes.
func runNot(s string, i int, unwanted class) int {
	for i < len(s) {
		c, n := classAt(s, i)
		if c&unwanted != 0 {
			break
		}
		i += n
	}
	return i
}
