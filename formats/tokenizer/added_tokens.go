package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is a token's type, with GGUF's values (tokenizer.ggml.token_type).
type Kind int32

const (
	Normal      Kind = 1
	Unknown     Kind = 2
	Control     Kind = 3 // special tokens: found in text only when asked for (Options.ParseSpecial)
	UserDefined Kind = 4 // added tokens that are ordinary text: always found
	Unused      Kind = 5
	Byte        Kind = 6
)

// addedToken is an entry of tokenizer.json's "added_tokens": a token that is taken out of the text before anything else
// is done to it.
type addedToken struct {
	id             int32
	text           string
	special        bool // found only with Options.ParseSpecial
	lstrip, rstrip bool // the white space before or after it belongs to it
	singleWord     bool // found only where no word character touches it
	normalized     bool // looked for after normalization; else before
}

// finder finds added tokens as Hugging Face's tokenizers do: the leftmost, and of several that start at one place the
// longest. llama.cpp takes the longest tokens out of the whole text first, which differs only where two added tokens
// overlap.
type finder struct {
	byFirst [256][]addedToken // by first byte, the longest first
	first   string            // the first bytes of all tokens
}

func newFinder(tokens []addedToken) *finder {
	f := &finder{}
	for _, t := range tokens {
		if t.text == "" {
			continue
		}
		b := t.text[0]
		if f.byFirst[b] == nil {
			f.first += t.text[:1]
		}
		f.byFirst[b] = append(f.byFirst[b], t)
	}
	for b := range f.byFirst {
		slices.SortStableFunc(f.byFirst[b], func(x, y addedToken) int { return len(y.text) - len(x.text) })
	}
	return f
}

// find returns the first added token in s from byte i on and where it starts.
func (f *finder) find(s string, i int) (*addedToken, int) {
	for ; i < len(s); i++ {
		if len(f.first) == 1 {
			skip := strings.IndexByte(s[i:], f.first[0])
			if skip < 0 {
				break
			}
			i += skip
		}
		for k := range f.byFirst[s[i]] {
			t := &f.byFirst[s[i]][k]
			if strings.HasPrefix(s[i:], t.text) && !(t.singleWord && inWord(s, i, i+len(t.text))) {
				return t, i
			}
		}
	}
	return nil, len(s)
}

// inWord reports whether a word character touches s[from:to].
func inWord(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	return from > 0 && wordRune(before) || to < len(s) && wordRune(after)
}

// wordRunes is \w as Unicode Technical Standard 18 defines it; \p{Alphabetic} is letters, letter numbers and
// Other_Alphabetic.
var wordRunes = []*unicode.RangeTable{unicode.Letter, unicode.Mark, unicode.Nd, unicode.Nl, unicode.Pc,
	unicode.Other_Alphabetic, unicode.Join_Control}

func wordRune(r rune) bool { return unicode.In(r, wordRunes...) }

// split calls token with every added token of s and text with what lies between them, in order.
func (f *finder) split(s string, text func(string), token func(int32)) {
	if f.first == "" {
		if s != "" {
			text(s)
		}
		return
	}
	for gap := 0; ; {
		t, at := f.find(s, gap)
		between, end := s[gap:at], len(s)
		if t != nil {
			end = at + len(t.text)
			if t.lstrip {
				between = strings.TrimRightFunc(between, unicode.IsSpace)
			}
			if t.rstrip {
				end = len(s) - len(strings.TrimLeftFunc(s[end:], unicode.IsSpace))
			}
		}
		if between != "" {
			text(between)
		}
		if t == nil {
			return
		}
		token(t.id)
		gap = end
	}
}
