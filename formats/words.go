package formats

import (
	"fmt"
	"strings"
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

// ShellWords joins words as a shell reads them.
func ShellWords(words ...string) string {
	list := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n\\'\"$`*?[](){}<>|&;#~!") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		list[i] = w
	}
	return strings.Join(list, " ")
}
