package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/tokenizer/pattern"
)

// normalizerJSON is one entry of tokenizer.json's "normalizer".
type normalizerJSON struct {
	Type                string
	Normalizers         []json.RawMessage
	Pattern             struct{ Regex, String *string }
	Content             string
	Prepend             string
	StripLeft           bool   `json:"strip_left"`
	StripRight          bool   `json:"strip_right"`
	CleanText           bool   `json:"clean_text"`
	HandleChineseChars  bool   `json:"handle_chinese_chars"`
	StripAccents        *bool  `json:"strip_accents"` // default: lowercase
	Lowercase           bool   `json:"lowercase"`
	PrecompiledCharsmap []byte `json:"precompiled_charsmap"`
}

// normalizer makes the function of tokenizer.json's "normalizer"; nil where there is none.
func normalizer(raw json.RawMessage) (func(string) string, error) {
	var n normalizerJSON
	if pyjson.Null(raw) {
		return nil, nil
	}
	if err := pyjson.Unmarshal(raw, &n); err != nil {
		return nil, formats.Corruptf("tokenizer.json", -1, "normalizer", "%v", err)
	}
	if f, ok := normalForms[n.Type]; ok {
		return func(s string) string { return form(f, s) }, nil
	}
	switch n.Type {
	case "Sequence":
		return sequence(n.Normalizers)
	case "Lowercase":
		return lowerCased, nil
	case "StripAccents":
		return func(s string) string { return without("M", s) }, nil
	case "Strip":
		return func(s string) string {
			if n.StripLeft {
				s = strings.TrimLeftFunc(s, unicode.IsSpace)
			}
			if n.StripRight {
				s = strings.TrimRightFunc(s, unicode.IsSpace)
			}
			return s
		}, nil
	case "Prepend":
		return func(s string) string {
			if s != "" {
				s = n.Prepend + s
			}
			return s
		}, nil
	case "Replace":
		return replacer(n)
	case "Nmt":
		return func(s string) string { return strings.Map(nmt, s) }, nil
	case "BertNormalizer":
		b := bertNormalizer{clean: n.CleanText, chinese: n.HandleChineseChars, stripMarks: n.Lowercase,
			lower: n.Lowercase}
		if n.StripAccents != nil {
			b.stripMarks = *n.StripAccents
		}
		return b.apply, nil
	case "Precompiled":
		c, err := parseCharsmap(n.PrecompiledCharsmap)
		if err != nil || c == nil {
			return nil, err
		}
		return c.graphemes, nil
	}
	return nil, fmt.Errorf("%w: the normalizer %q", formats.ErrUnsupported, n.Type)
}

// normalForms are Unicode's.
var normalForms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

// sequence runs normalizers one after the other.
func sequence(list []json.RawMessage) (all func(string) string, err error) {
	for _, raw := range list {
		step, err := normalizer(raw)
		if err != nil {
			return nil, err
		}
		if before := all; before != nil && step != nil {
			all = func(s string) string { return step(before(s)) }
		} else if step != nil {
			all = step
		}
	}
	return all, nil
}

// replacer replaces every match of a pattern by a text.
func replacer(n normalizerJSON) (func(string) string, error) {
	switch {
	case n.Pattern.String != nil && *n.Pattern.String != "":
		return strings.NewReplacer(*n.Pattern.String, n.Content).Replace, nil
	case n.Pattern.Regex != nil:
		p, err := pattern.Compile(*n.Pattern.Regex)
		if err != nil {
			return nil, err
		}
		return func(s string) string { return p.ReplaceAll(s, n.Content) }, nil
	}
	return nil, fmt.Errorf("%w: the normalizer Replace without a pattern", formats.ErrUnsupported)
}

// nmt is SentencePiece's treatment of control characters and rarer spaces.
func nmt(r rune) rune {
	switch {
	case r >= 1 && r <= 8, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xFEFF, r == 0xFFFD:
		return ' '
	}
	return r
}
