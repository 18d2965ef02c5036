package formats

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Several puts a number before a noun: 1 tensor, 2 tensors.
func Several[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Wrap cuts a text into lines of at most so many columns, where words end; a longer word has a line of its own. All
// lines but the first start with the indent.
func Wrap(text string, width int, indent string) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = indent + word
		}
	}
	return append(lines, line)
}

// Harmful reports whether a character of a name, which may come from a file that others wrote, could steer a terminal
// or change the lines, or the order, in which a text is shown: control characters, line ends, direction overrides.
func Harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// OneLine is a name as it is, or quoted when it holds harmful characters, so that it stays on its line.
func OneLine(s string) string {
	if strings.ContainsFunc(s, Harmful) {
		return strconv.Quote(s)
	}
	return s
}

// Clean puts U+FFFD in the place of harmful characters, and of bytes that are not UTF-8.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if Harmful(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// ShellWords joins words as a shell reads them: one with anything but letters, digits and a few signs is quoted.
func ShellWords(words ...string) string {
	list := make([]string, len(words))
	for i, w := range words {
		if w == "" || w[0] == '=' || strings.ContainsFunc(w, quoted) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		list[i] = w
	}
	return strings.Join(list, " ")
}

func quoted(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:=@%+,", r)
}
