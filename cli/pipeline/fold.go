package pipeline

import (
	"fmt"
	"strings"
)

// foldFrom is the number of warnings of one kind from which they become one.
const foldFrom = 4

// Fold makes many warnings of one kind one: the first of them, with the number of the others. Warnings are of one kind
// when they differ only in numbers, names of tensors and paths.
func Fold(warnings []string) []string {
	count := map[string]int{}
	for _, w := range warnings {
		count[kind(w)]++
	}
	var out []string
	for _, w := range warnings {
		k := kind(w)
		switch n := count[k]; {
		case n >= foldFrom:
			out = append(out, fmt.Sprintf("%s (and %d more warnings of this kind)", w, n-1))
			count[k] = 0
		case n > 0:
			out = append(out, w)
		}
	}
	return out
}

// kind is a warning without the words that name something: those with a digit, or a dot or an underscore inside.
func kind(warning string) string {
	words := strings.Fields(warning)
	for i, w := range words {
		if strings.ContainsAny(w, "0123456789") || strings.ContainsAny(strings.Trim(w, ".,:;()"), "._/") {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}

// some lists the first of many names.
func some(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
