package tokenizer

import "unicode/utf8"

// A program is a pattern made ready to match: steps that lead to one another, tried in order with a way back
// (backtracking), as Oniguruma and .NET do. It covers what tokenizers' patterns use; regexp2 takes the others, and texts
// on which a repeated group would go too deep.
type program struct {
	start   *step
	pattern string
}

// path is how deep a match has gone into alternatives.
type path struct {
	depth int
	lost  bool // deeper than deepest
}

// deepest bounds the stack to some 100 MB.
const deepest = 1 << 18

type op uint8

const (
	opDone    op = iota
	opSet        // one character of set
	opRun        // min to max characters of set, as many as possible
	opEither     // the first of ways that leads to the end
	opAhead      // sub matches here (or, with not, does not), and takes nothing
	opAtomic     // sub matches, and is not tried again
	opWord       // between a word character and another
	opLineEnd    // before a line feed or at the end
)

// step is one instruction; next is what follows.
type step struct {
	op        op
	not, held bool // held: a run gives nothing back (possessive)
	set       *charset
	min, max  int
	sub       *step
	ways      []*step
	next      *step
	first     [2]uint64 // the ASCII characters that a match from here can begin with
}

// match returns where a match that starts at s[i] ends, -1 when there is none.
func (p *step) match(s string, i int, at *path) int {
	for {
		switch p.op {
		case opDone:
			return i
		case opSet:
			if i == len(s) {
				return -1
			}
			n, ok := p.set.at(s, i)
			if !ok {
				return -1
			}
			i += n
		case opRun:
			return p.run(s, i, at)
		case opEither:
			if at.depth++; at.depth > deepest {
				at.lost = true
			}
			end := -1
			for k := 0; k < len(p.ways) && end < 0 && !at.lost; k++ {
				if way := p.ways[k]; way.may(s, i) {
					end = way.match(s, i, at)
				}
			}
			at.depth--
			return end
		case opAhead:
			if p.sub.match(s, i, at) >= 0 == p.not {
				return -1
			}
		case opAtomic:
			if i = p.sub.match(s, i, at); i < 0 {
				return -1
			}
		case opWord:
			if wordAt(s, i) == wordBefore(s, i) {
				return -1
			}
		case opLineEnd:
			if i < len(s) && s[i] != '\n' {
				return -1
			}
		}
		p = p.next
	}
}

// may reports whether a match can begin with the character at s[i].
func (p *step) may(s string, i int) bool {
	if i == len(s) {
		return true
	}
	b := s[i]
	return b >= utf8.RuneSelf || p.first[b>>6]>>(b&63)&1 != 0
}

// run takes as many characters as it can and gives back one after the other until the rest matches.
func (p *step) run(s string, i int, at *path) int {
	count := 0
	for i < len(s) && count < p.max {
		n, ok := p.set.at(s, i)
		if !ok {
			break
		}
		i += n
		count++
	}
	if count < p.min {
		return -1
	}
	for {
		if end := p.next.match(s, i, at); end >= 0 || p.held || count == p.min || at.lost {
			return end
		}
		_, n := utf8.DecodeLastRuneInString(s[:i])
		i -= n
		count--
	}
}

var wordSet = newCharset(wordChar)

func wordAt(s string, i int) bool {
	if i == len(s) {
		return false
	}
	_, ok := wordSet.at(s, i)
	return ok
}

func wordBefore(s string, i int) bool {
	_, n := utf8.DecodeLastRuneInString(s[:i])
	return i > 0 && wordAt(s[:i], i-n)
}

// split cuts around the matches: every match is a piece, and so is what lies between two. An empty match is a cut.
func (p *program) split(text string, piece func(string)) {
	p.spans(text, func(s span) { piece(text[s.from:s.to]) })
}

// spans calls each with the matches and what lies between them, but for empty ones.
func (p *program) spans(text string, each func(span)) {
	gap := 0
	var at path
	for i := 0; i < len(text); {
		if p.start.may(text, i) {
			end := p.start.match(text, i, &at)
			if at.lost {
				p.deep(text, gap, each)
				return
			}
			if end >= 0 {
				if gap < i {
					each(span{gap, i, false})
				}
				gap = end
				if end > i {
					each(span{i, end, true})
					i = end
					continue
				}
			}
		}
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	if gap < len(text) {
		each(span{gap, len(text), false})
	}
}

// deep does the rest of a text with regexp2, whose stack is its own.
func (p *program) deep(text string, from int, each func(span)) {
	r, err := newRegexp(p.pattern)
	if err != nil {
		each(span{from, len(text), false})
		return
	}
	r.spans(text[from:], func(s span) { each(span{from + s.from, from + s.to, s.match}) })
}
