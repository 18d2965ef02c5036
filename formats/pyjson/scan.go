package pyjson

import (
	"bytes"
	"fmt"
)

// maxDepth bounds how deeply objects and lists lie in each other, so that a damaged file cannot exhaust the stack.
const maxDepth = 1000

// scanner walks over the text. Its errors are panics with *SyntaxError, which Unmarshal returns.
type scanner struct {
	data  []byte
	at    int
	depth int
}

// words are the literals. Python's json writes the last three for floats that JSON does not have.
var words = []string{"null", "true", "false", "NaN", "Infinity", "-Infinity"}

func (s *scanner) fail(at int, format string, args ...any) {
	panic(&SyntaxError{int64(at), fmt.Sprintf(format, args...)})
}

// unexpected fails with what stands where wanted belongs.
func (s *scanner) unexpected(wanted string) {
	if s.at >= len(s.data) {
		s.fail(len(s.data), "the text ends where %s belongs; it is cut short", wanted)
	}
	s.fail(s.at, "%q where %s belongs", s.data[s.at], wanted)
}

// space skips white space and returns the byte behind it, 0 at the end.
func (s *scanner) space() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// expect skips white space and one byte.
func (s *scanner) expect(c byte) {
	if s.space() != c || s.at >= len(s.data) {
		s.unexpected(fmt.Sprintf("%q", c))
	}
	s.at++
}

// enter and more walk through an object or list: for s.enter(); s.more(end); { one entry }.
func (s *scanner) enter() {
	s.at++
	if s.depth++; s.depth > maxDepth {
		s.fail(s.at, "more than %d objects and lists lie in each other", maxDepth)
	}
}

// more reports whether another entry follows, the first one or one behind a comma; otherwise it skips the end.
func (s *scanner) more(first bool, end byte) bool {
	c := s.space()
	if c == end {
		s.at++
		s.depth--
		return false
	}
	if first {
		return true
	}
	if c != ',' {
		s.unexpected(fmt.Sprintf("a comma or %q", end))
	}
	s.at++
	return true
}

// skip skips a value and returns its text.
func (s *scanner) skip() []byte {
	c := s.space()
	start := s.at
	switch {
	case c == '"':
		s.text()
	case c == '{':
		s.enter()
		for first := true; s.more(first, '}'); first = false {
			s.key()
			s.skip()
		}
	case c == '[':
		s.enter()
		for first := true; s.more(first, ']'); first = false {
			s.skip()
		}
	default:
		s.scalar()
	}
	return s.data[start:s.at]
}

// key skips a key with the colon behind it and returns its text with quotes.
func (s *scanner) key() []byte {
	if s.space() != '"' {
		s.unexpected("a key in quotes")
	}
	k := s.text()
	s.expect(':')
	return k
}

// text skips a string and returns it with quotes.
func (s *scanner) text() []byte {
	start := s.at
	for i := start + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return s.data[start:s.at]
		case c == '\\':
			i += s.escape(i)
		case c < ' ':
			s.fail(i, "a control character (%#02x) inside a string", c)
		}
	}
	s.fail(len(s.data), "the text ends inside a string; it is cut short")
	return nil
}

// escape checks the escape at i and returns how many bytes follow its backslash.
func (s *scanner) escape(i int) int {
	rest := s.data[i+1:]
	switch {
	case len(rest) == 0:
		return 0 // text fails
	case rest[0] == 'u':
		if len(rest) < 5 || hex4(rest[1:5]) < 0 {
			s.fail(i, `\u without four hexadecimal digits behind it`)
		}
		return 5
	case bytes.IndexByte([]byte(`"\/bfnrt`), rest[0]) < 0:
		s.fail(i, "%q is not an escape of JSON", s.data[i:i+2])
	}
	return 1
}

// hex4 reads four hexadecimal digits; -1 when they are not.
func hex4(b []byte) rune {
	r := rune(0)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// scalar skips a number or a word and returns it.
func (s *scanner) scalar() []byte {
	rest := s.data[s.at:]
	for _, w := range words {
		if len(rest) >= len(w) && string(rest[:len(w)]) == w {
			s.at += len(w)
			return rest[:len(w)]
		}
	}
	n := numberLength(rest)
	if n == 0 {
		s.unexpected("a value")
	}
	s.at += n
	return rest[:n]
}

// numberLength is the length of the number at the beginning of b, 0 for none: -?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?
func numberLength(b []byte) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	whole := i
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return whole
		}
		whole = i
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		if !digits() {
			return whole
		}
	}
	return i
}
