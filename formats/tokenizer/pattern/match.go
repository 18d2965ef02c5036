package pattern

import (
	"sync"
	"unicode/utf8"
)

type op uint8

const (
	opDone      op = iota
	opSet          // one character of set
	opRun          // min to max characters of set, as many as possible
	opLazy         // min to max characters of set, as few as possible
	opEither       // the first of ways with which the rest matches
	opAhead        // sub matches here (with not: does not); takes nothing
	opBehind       // sub matches the min characters before (with not: does not); takes nothing
	opAtomic       // sub matches; its other ways to match are not tried
	opWord         // between a word character and another
	opLineStart    // at the beginning or after a line feed
	opLineEnd      // before a line feed or at the end
)

// step is one instruction; next is what follows.
type step struct {
	op        op
	not, held bool // held: a run gives nothing back (possessive, or nothing follows that could fail)
	set       *charset
	min, max  int
	sub       *step
	ways      []*step
	next      *step

	first  [256]bool     // the bytes that a match from here can begin with, all beyond ASCII
	byByte *[129][]*step // of opEither: the ways that can match at an ASCII byte; at any other byte or the end
}

// matcher finds the matches in one text. Its stack holds what is left to try, so that no text is too deep for it.
type matcher struct {
	text  string
	at    int  // where the next match begins at the earliest
	after bool // a match that is not empty ends at that place
	stack []frame
	lent  *[]frame // the stack's place in the pool
}

// frame is a choice that a match may come back to.
type frame struct {
	step *step
	at   int // where a run ends, or where the alternatives begin
	left int // of opRun its earliest end, of opLazy the characters that it may still take, of opEither the next way
}

// stacks are for matchers that have a choice to come back to.
var stacks = sync.Pool{New: func() any { return new([]frame) }}

func (m *matcher) push(f frame) {
	if m.lent == nil {
		m.lent = stacks.Get().(*[]frame)
		m.stack = (*m.lent)[:0]
	}
	m.stack = append(m.stack, f)
}

// find returns where the next match begins and ends. After the last one it returns -1 and gives the stack back.
func (m *matcher) find(p *Pattern) (from, to int) {
	for m.at < len(m.text) || m.at == len(m.text) && p.empty {
		from = m.at
		for from < len(m.text) && !p.start.first[m.text[from]] {
			from++
		}
		to = m.match(p.start, from)
		if to > from {
			m.at, m.after = to, true
			return from, to
		}
		apart := from > m.at || !m.after
		m.at, m.after = from+size(m.text, from), false
		if to == from && apart {
			return from, to
		}
	}
	if m.lent != nil {
		*m.lent = m.stack
		stacks.Put(m.lent)
		m.lent = nil
	}
	return -1, -1
}

// size is the number of bytes of the character at byte i, 1 at the end.
func size(s string, i int) int {
	if i == len(s) || s[i] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// match returns where a match from step p that begins at byte i ends, -1 when there is none.
func (m *matcher) match(p *step, i int) int {
	s, base := m.text, len(m.stack)
	for {
		ok := true
		switch p.op {
		case opDone:
			m.stack = m.stack[:base]
			return i
		case opSet:
			if ok = i < len(s); ok {
				var n int
				n, ok = p.set.at(s, i)
				i += n
			}
		case opRun:
			least, end := p.set.run(s, i, p.min, p.max)
			if ok = least >= 0; ok {
				if i = end; least < end && !p.held {
					m.push(frame{p, end, least})
				}
			}
		case opLazy:
			if i, _ = p.set.run(s, i, p.min, p.min); i >= 0 {
				m.push(frame{p, i, p.max - p.min})
			}
			ok = i >= 0
		case opEither:
			if ways := p.waysAt(s, i); len(ways) == 1 {
				p = ways[0]
				continue
			}
			m.push(frame{p, i, 0})
			ok = false
		case opAhead:
			ok = m.match(p.sub, i) >= 0 != p.not
		case opBehind:
			from := before(s, i, p.min)
			ok = (from >= 0 && m.match(p.sub, from) >= 0) != p.not
		case opAtomic:
			i = m.match(p.sub, i)
			ok = i >= 0
		case opWord:
			ok = wordAt(s, i) != wordBefore(s, i)
		case opLineStart:
			ok = i == 0 || s[i-1] == '\n' && i < len(s)
		case opLineEnd:
			ok = i == len(s) || s[i] == '\n'
		}
		if p = p.next; !ok {
			if p, i = m.back(base); p == nil {
				return -1
			}
		}
	}
}

// back returns the step to try next and its place; nil when nothing is left of the match whose frames begin at base.
func (m *matcher) back(base int) (*step, int) {
	for len(m.stack) > base {
		f := &m.stack[len(m.stack)-1]
		switch p := f.step; p.op {
		case opRun:
			at := before(m.text, f.at, 1)
			if f.at = at; at == f.left {
				m.stack = m.stack[:len(m.stack)-1]
			}
			return p.next, at
		case opLazy:
			if f.left > 0 && f.at < len(m.text) {
				if n, ok := p.set.at(m.text, f.at); ok {
					f.at, f.left = f.at+n, f.left-1
					return p.next, f.at
				}
			}
			m.stack = m.stack[:len(m.stack)-1]
		default:
			ways, at := p.waysAt(m.text, f.at), f.at
			if f.left >= len(ways)-1 {
				m.stack = m.stack[:len(m.stack)-1]
			}
			if f.left < len(ways) {
				f.left++
				return ways[f.left-1], at
			}
		}
	}
	return nil, 0
}

// waysAt are the alternatives that can match at byte i.
func (p *step) waysAt(s string, i int) []*step {
	if i < len(s) && s[i] < utf8.RuneSelf {
		return p.byByte[s[i]]
	}
	return p.byByte[utf8.RuneSelf]
}

// before returns where the n characters that end at byte i begin, -1 when there are fewer.
func before(s string, i, n int) int {
	for ; n > 0; n-- {
		if i == 0 {
			return -1
		}
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return i
}

var wordSet = newCharset(wordChar)

func wordAt(s string, i int) bool {
	if i == len(s) {
		return false
	}
	_, ok := wordSet.at(s, i)
	return ok
}

func wordBefore(s string, i int) bool { return i > 0 && wordAt(s[:i], before(s, i, 1)) }
