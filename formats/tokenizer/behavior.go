package tokenizer

import (
	"fmt"
	"unicode/utf8"

	"bitmill/formats"
)

// behavior says what becomes of the matches of a pattern, in the words of tokenizer.json.
type behavior string

const (
	isolated           behavior = "Isolated"           // matches and what lies between them are pieces
	removed            behavior = "Removed"            // matches go
	mergedWithPrevious behavior = "MergedWithPrevious" // a match ends the piece before it
	mergedWithNext     behavior = "MergedWithNext"     // a match begins the piece after it
	contiguous         behavior = "Contiguous"         // as isolated, but matches side by side are one piece
)

// span is a stretch of text that is a match, or lies between two.
type span struct {
	from, to int
	match    bool
}

// matchSplitter cuts by the spans that find calls each with, which cover the text in order.
type matchSplitter struct {
	find     func(text string, each func(span))
	behavior behavior
	invert   bool // what lies between matches counts as a match, and the other way round
}

func (p *matchSplitter) split(text string, piece func(string)) {
	var open span // the piece that may grow
	started, before := false, false
	flush := func() {
		if started && open.from < open.to {
			piece(text[open.from:open.to])
		}
		started = false
	}
	p.find(text, func(s span) {
		s.match = s.match != p.invert
		after := before
		before = s.match
		switch p.behavior {
		case removed:
			if s.match {
				return
			}
		case mergedWithPrevious:
			if s.match && !after && started {
				open.to = s.to
				return
			}
		case contiguous:
			if s.match == after && started {
				open.to = s.to
				return
			}
		case mergedWithNext:
			// Of several matches in a row the last one begins the next piece.
			if open.match && started && !s.match {
				open.to, open.match = s.to, false
				return
			}
		}
		flush()
		open, started = s, true
	})
	flush()
}

// characterSplitter makes every character that is wanted a match of its own.
func characterSplitter(wanted func(rune) bool, b behavior) *matchSplitter {
	return &matchSplitter{behavior: b, find: func(text string, each func(span)) {
		gap := 0
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			if wanted(r) {
				if gap < i {
					each(span{gap, i, false})
				}
				each(span{i, i + n, true})
				gap = i + n
			}
			i += n
		}
		if gap < len(text) {
			each(span{gap, len(text), false})
		}
	}}
}

// checkBehavior refuses a word that tokenizer.json does not know.
func checkBehavior(b behavior) error {
	switch b {
	case isolated, removed, mergedWithPrevious, mergedWithNext, contiguous:
		return nil
	}
	return fmt.Errorf("%w: the pre-tokenizer behavior %q", formats.ErrUnsupported, b)
}
