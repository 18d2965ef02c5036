package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// form is f.String(s) without x/text's one addition to Unicode: x/text puts U+034F after 30 combining marks in a row
// ("stream-safe" text), tokenizers do not. Bytes that are not UTF-8 stay.
func form(f norm.Form, s string) string {
	if f.IsNormalString(s) {
		return s
	}
	if !longMarks(s) {
		return f.String(s)
	}
	return slowForm(f, s)
}

// longMarks reports whether s may hold 30 combining marks in a row; characters that decompose count generously.
func longMarks(s string) bool {
	count := 0
	for len(s) > 0 {
		p := norm.NFKD.PropertiesString(s)
		n := max(p.Size(), 1)
		if p.CCC() == 0 && p.LeadCCC() == 0 {
			count = 0
		}
		if p.TrailCCC() != 0 {
			count += max(1, utf8.RuneCount(p.Decomposition()))
		}
		if count >= 30 {
			return true
		}
		s = s[n:]
	}
	return false
}

// slowForm normalizes by the definition (Unicode Standard Annex 15): decompose every character, sort the combining
// marks after a starter by their classes, and for the composed forms join a starter with each mark that no other mark
// blocks.
func slowForm(f norm.Form, s string) string {
	decomposition := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		decomposition = norm.NFKD
	}
	var chars []string
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		for parts := decomposition.String(s[:n]); len(parts) > 0; {
			_, n := utf8.DecodeRuneInString(parts)
			chars = append(chars, parts[:n])
			parts = parts[n:]
		}
		s = s[n:]
	}
	for i := 0; i < len(chars); i++ {
		j := i
		for j < len(chars) && combiningClass(chars[j]) != 0 {
			j++
		}
		slices.SortStableFunc(chars[i:j], func(a, b string) int {
			return int(combiningClass(a)) - int(combiningClass(b))
		})
		i = max(i, j-1)
	}
	if f == norm.NFC || f == norm.NFKC {
		chars = compose(chars)
	}
	return strings.Join(chars, "")
}

// compose joins starters with the marks behind them, in place.
func compose(chars []string) []string {
	out, starter := chars[:0], -1
	for _, c := range chars {
		class := combiningClass(c)
		if starter >= 0 && (starter == len(out)-1 || combiningClass(out[len(out)-1]) < class) {
			if joined := norm.NFC.String(out[starter] + c); utf8.RuneCountInString(joined) == 1 {
				out[starter] = joined
				continue
			}
		}
		out = append(out, c)
		if class == 0 {
			starter = len(out) - 1
		}
	}
	return out
}

// combiningClass is the canonical combining class of a character: 0 for starters.
func combiningClass(char string) uint8 { return norm.NFD.PropertiesString(char).CCC() }
