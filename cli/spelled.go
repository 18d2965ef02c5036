package cli

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"bitmill/formats"
)

// spelled passes text on for people to see: names come from files that others wrote, and a terminal obeys what it is
// shown. Of harmful characters only tabs and line ends pass; the others are spelled, \x1b, or \u001b in JSON.
type spelled struct {
	w    io.Writer
	json bool
	rest []byte // the beginning of a character
}

func (s *spelled) Write(b []byte) (int, error) {
	in := append(s.rest, b...)
	out := make([]byte, 0, len(in))
	for len(in) > 0 && utf8.FullRune(in) {
		r, n := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && n == 1 && s.json:
			out = append(out, "\ufffd"...)
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, "\\x%02x", in[0])
		case r == '\n' || r == '\t' || !formats.Harmful(r):
			out = append(out, in[:n]...)
		case s.json || r > 0xff:
			out = fmt.Appendf(out, "\\u%04x", r)
		default:
			out = fmt.Appendf(out, "\\x%02x", r)
		}
		in = in[n:]
	}
	s.rest = append([]byte(nil), in...)
	if _, err := s.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// visible is a text as spelled passes it on.
func visible(text string) string {
	var b bytes.Buffer
	s := &spelled{w: &b}
	s.Write([]byte(text))
	return b.String()
}

// plainly is the writer behind spelled, unless it is a terminal: what a model writes goes into a file as it is.
func plainly(w io.Writer) io.Writer {
	if s, ok := w.(*spelled); ok && !isTerminal(behind(w)) {
		return s.w
	}
	return w
}

// behind is the writer that a command was given.
func behind(w io.Writer) io.Writer {
	if s, ok := w.(*spelled); ok {
		w = s.w
	}
	if s, ok := w.(*sticky); ok {
		w = s.w
	}
	return w
}
