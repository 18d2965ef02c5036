package cli

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"bitmill/formats"
)

// shorten prints a value on one line: long arrays by their length and first elements.
func shorten(v any) string {
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Slice && r.Len() > 8 {
		return fmt.Sprintf("%d values, first %v", r.Len(), r.Slice(0, 4).Interface())
	}
	s, ok := v.(string)
	switch {
	case ok && len(s) > 200:
		return fmt.Sprintf("%q… (%d bytes)", s[:200], len(s))
	case ok && strings.ContainsFunc(s, formats.Harmful): // also of several lines
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%v", v)
}

// nonNil makes nil an empty list, for JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// maxMessage bounds a message that quotes a damaged file.
const maxMessage = 2000

// printable makes a message safe for a terminal: names from a damaged file may hold anything.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case b.Len() > maxMessage:
			return b.String() + "..."
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\x%02x", r)
		}
	}
	return b.String()
}
