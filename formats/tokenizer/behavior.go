package tokenizer

import (
	"fmt"
	"unicode/utf8"

	"bitmill/formats"
	"bitmill/formats/tokenizer/pattern"
)

// behavior is tokenizer.json's "behavior" of a pre-tokenizer: what becomes of the matches of a pattern.
type behavior string

const (
	isolated           behavior = "Isolated"           // matches and what lies between them are pieces
	removed            behavior = "Removed"            // matches are dropped
	mergedWithPrevious behavior = "MergedWithPrevious" // a match ends the piece before it
	mergedWithNext     behavior = "MergedWithNext"     // a match begins the piece after it
	contiguous         behavior = "Contiguous"         // like Isolated, but adjacent matches are one piece
)

// matchSplitter cuts a text at matches. find calls each with the spans of a text, in order and without gaps.
type matchSplitter struct {
	find     func(text string, each func(pattern.Span))
	behavior behavior
	invert   bool // swap matches and what lies between them
}

func (p matchSplitter) split(text string, piece func(string)) {
	var open pattern.Span // the piece that may grow
	started, before := false, false
	flush := func() {
		if started && open.From < open.To {
			piece(text[open.From:open.To])
		}
		started = false
	}
	p.find(text, func(s pattern.Span) {
		s.Match = s.Match != p.invert
		after := before
		before = s.Match
		switch p.behavior {
		case removed:
			if s.Match {
				return
			}
		case mergedWithPrevious:
			if s.Match && !after && started {
				open.To = s.To
				return
			}
		case contiguous:
			if s.Match == after && started {
				open.To = s.To
				return
			}
		case mergedWithNext:
			// The last of several matches in a row begins the next piece.
			if open.Match && started && !s.Match {
				open.To, open.Match = s.To, false
				return
			}
		}
		flush()
		open, started = s, true
	})
	flush()
}

// characterSplitter makes a match of every wanted character.
func characterSplitter(wanted func(rune) bool, b behavior) matchSplitter {
	return matchSplitter{behavior: b, find: func(text string, each func(pattern.Span)) {
		gap := 0
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			if wanted(r) {
				if gap < i {
					each(pattern.Span{From: gap, To: i})
				}
				each(pattern.Span{From: i, To: i + n, Match: true})
				gap = i + n
			}
			i += n
		}
		if gap < len(text) {
			each(pattern.Span{From: gap, To: len(text)})
		}
	}}
}

// checkBehavior refuses a behavior that Hugging Face's library does not have.
func checkBehavior(b behavior) error {
	switch b {
	case isolated, removed, mergedWithPrevious, mergedWithNext, contiguous:
		return nil
	}
	return fmt.Errorf("%w: the pre-tokenizer behavior %q", formats.ErrUnsupported, b)
}
