package pattern

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dlclark/regexp2"
)

// The oracle is regexp2, whose syntax is .NET's: the patterns are rewritten for it, and it gets the characters of newer
// versions of Unicode spelled out.

// wordMembers is \w, and what \b stands beside, in Oniguruma; .NET's is another set.
const wordMembers = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}²³¹¼-¾Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉`

// oracle compiles a pattern for regexp2.
func oracle(pattern string) (*regexp2.Regexp, error) {
	flat, ok := flattenSets(pattern)
	if !ok {
		return nil, fmt.Errorf("%s has sets of characters in a form that .NET's syntax lacks", pattern)
	}
	// In Oniguruma's syntax ^ and $ match at every line; the patterns of llama.cpp use $ only within lines.
	return regexp2.Compile(longS.Replace(possessive.ReplaceAllString(flat, "(?>$1$2)")), regexp2.Multiline)
}

// longS adds ſ, whose other case is s, to contractions in any case: Oniguruma folds it, regexp2 does not.
var longS = strings.NewReplacer("(?i:'s|", "(?i:'s|'ſ|", "'(?i:[sdmt]", "'(?i:[sſdmt]")

// possessive finds a class, a property or an escape with a possessive quantifier: [^\r\n]?+ or \p{L}++.
var possessive = regexp.MustCompile(`(\[(?:[^\]\\]|\\.)*\]|\\[pP]\{[^}]*\}|\\.)([?*+])\+`)

// oraclePieces cuts a text around the oracle's matches.
func oraclePieces(expr *regexp2.Regexp, text string) (all []string) {
	var offsets []int // of every character; bytes that are not UTF-8 count as characters of their own
	for i := range text {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(text))
	emit := func(from, to int) {
		if from < to {
			all = append(all, text[offsets[from]:offsets[to]])
		}
	}
	gap := 0
	m, err := expr.FindStringMatch(text)
	for ; m != nil && err == nil; m, err = expr.FindNextMatch(m) {
		emit(gap, m.Index)
		emit(m.Index, m.Index+m.Length)
		gap = m.Index + m.Length
	}
	emit(gap, len(offsets)-1)
	return all
}

// escape rewrites the escape that s begins with, n bytes of it: a property with the characters of newer versions of
// Unicode, and Oniguruma's words.
func escape(s string, inClass bool) (text string, n int) {
	n = min(2, len(s))
	set := ""
	switch {
	case strings.HasPrefix(s, `\p{`):
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return s, len(s)
		}
		n = end + 1
		more, ok := newer[s[3:end]]
		if !ok {
			return s[:n], n
		}
		set = s[:n]
		for _, block := range more {
			set += string(block[0]) + "-" + string(block[1])
		}
	case strings.HasPrefix(s, `\w`):
		set, _ = flattenMembers(wordMembers)
	case strings.HasPrefix(s, `\b`) && !inClass:
		set, _ = flattenMembers(wordMembers)
		return "(?:(?<=[" + set + "])(?![" + set + "])|(?<![" + set + "])(?=[" + set + "]))", n
	default:
		return s[:n], n
	}
	if inClass {
		return set, n
	}
	return "[" + set + "]", n
}

// flattenMembers rewrites what stands between the brackets of a class.
func flattenMembers(members string) (string, bool) {
	class, ok := flattenSets("[" + members + "]")
	return strings.TrimSuffix(strings.TrimPrefix(class, "["), "]"), ok
}

// flattenSets rewrites Oniguruma's operations on sets of characters, which .NET's syntax lacks: a class inside another
// is its union, [a[bc]] is [abc]; and an intersection with a complement is a condition, [a-z&&[^x]] is (?:(?![x])[a-z]).
// ok is false for other operations.
func flattenSets(pattern string) (flat string, ok bool) {
	var out strings.Builder
	for i := 0; i < len(pattern); {
		n := 1
		switch pattern[i] {
		case '\\':
			text, n := escape(pattern[i:], false)
			out.WriteString(text)
			i += n
			continue
		case '[':
			class, length, ok := flattenClass(pattern[i:])
			if !ok {
				return "", false
			}
			out.WriteString(class)
			i += length
			continue
		}
		out.WriteString(pattern[i : i+n])
		i += n
	}
	return out.String(), true
}

// flattenClass rewrites the class that s begins with, length bytes of it. A class that does not end is left to the
// regular expression's compiler.
func flattenClass(s string) (class string, length int, ok bool) {
	members := strings.Builder{}
	excluded := ""
	depth := 0
	for i := 1; i < len(s); {
		n := 1
		switch {
		case s[i] == '\\':
			text, n := escape(s[i:], true)
			members.WriteString(text)
			i += n
			continue
		case s[i] == '[' && strings.HasPrefix(s[i:], "[^"):
			return "", 0, false
		case s[i] == '[':
			depth++
			i++
			continue
		case s[i] == ']' && depth > 0:
			depth--
			i++
			continue
		case s[i] == ']' && i > 1:
			if excluded != "" {
				return "(?:(?!" + excluded + ")[" + members.String() + "])", i + 1, true
			}
			return "[" + members.String() + "]", i + 1, true
		case strings.HasPrefix(s[i:], "&&"):
			end := strings.IndexByte(s[i:], ']')
			if depth > 0 || excluded != "" || s[1] == '^' || !strings.HasPrefix(s[i+2:], "[^") || end < 0 || !strings.HasPrefix(s[i+end:], "]]") {
				return "", 0, false
			}
			excluded, _ = flattenSets("[" + s[i+4:i+end+1])
			i += end + 1
			continue
		}
		members.WriteString(s[i : i+n])
		i += n
	}
	return s, len(s), true
}
