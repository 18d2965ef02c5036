package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"bitmill/formats/tokenizer/pattern"
)

// bertNormalizer is tokenizer.json's BertNormalizer.
type bertNormalizer struct {
	clean      bool // drop control characters, make white space a space
	chinese    bool // spaces around every ideograph
	stripMarks bool // drop accents
	lower      bool
}

func (n bertNormalizer) apply(s string) string {
	if n.clean || n.chinese {
		var out strings.Builder
		for _, r := range s {
			switch {
			case n.clean && (r == unicode.ReplacementChar || controlRune(r)):
			case n.clean && unicode.IsSpace(r):
				out.WriteByte(' ')
			case n.chinese && ideographs.Has(r):
				out.WriteByte(' ')
				out.WriteRune(r)
				out.WriteByte(' ')
			default:
				out.WriteRune(r)
			}
		}
		s = out.String()
	}
	if n.stripMarks {
		s = without("Mn", form(norm.NFD, s))
	}
	if n.lower {
		s = lowerCased(s)
	}
	return s
}

// without drops the characters of a category of marks, as Hugging Face's tables have it.
func without(category string, s string) string {
	table, other := unicode.Categories[category], huggingFace[category]
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && unicode.Is(table, r) != other.Has(r) {
			return -1
		}
		return r
	}, s)
}

// lowerCased is s in lower case, character by character (no final sigma); İ becomes an i and a dot, as Unicode says.
func lowerCased(s string) string {
	s = strings.ReplaceAll(s, "İ", "i\u0307")
	return strings.Map(unicode.ToLower, s)
}

// controlRune reports whether r is a control, format or private character; tab, line feed and carriage return are white
// space instead.
func controlRune(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' &&
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !huggingFace["C"].Has(r)
}

// ideographs are the blocks of Chinese characters for BERT; 2B920, where 2B820 would be right, is what Hugging Face's
// library and llama.cpp have.
var ideographs = pattern.Ranges{{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF},
	{0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}}

// bertPunctuation reports whether r is a word of its own: a punctuation mark, or any ASCII sign.
func bertPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return unicode.IsPunct(r) || unicode.IsSymbol(r)
	}
	return unicode.IsPunct(r) != huggingFace["P"].Has(r)
}

// splitBERT is tokenizer.json's BertPreTokenizer: it cuts at white space, which is dropped, and around punctuation
// marks.
func splitBERT(text string, piece func(string)) {
	start := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		space := unicode.IsSpace(r)
		if space || bertPunctuation(r) {
			if start < i {
				piece(text[start:i])
			}
			if !space {
				piece(text[i : i+n])
			}
			start = i + n
		}
		i += n
	}
	if start < len(text) {
		piece(text[start:])
	}
}
