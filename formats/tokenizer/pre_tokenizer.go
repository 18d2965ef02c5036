package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"bitmill/formats"
	"bitmill/formats/pyjson"
	"bitmill/formats/tokenizer/pattern"
)

// cut is what tokenizer.json's "pre_tokenizer" says: splitters in a row, and their patterns.
type cut struct {
	stages      []splitter
	patterns    []string // for llama.cpp's name of a byte-level tokenizer; others have no name there
	byteLevel   bool
	prefixSpace bool
	metaspace   bool
	firstMark   bool
}

// rustWord is \w in Rust's regular expressions, as the members of a class.
const rustWord = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200C}\x{200D}Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉`

// preTokenizerJSON is one entry of "pre_tokenizer".
type preTokenizerJSON struct {
	Type             string
	Pretokenizers    []json.RawMessage
	Pattern          struct{ Regex, String *string }
	Behavior         behavior
	Invert           bool
	AddPrefixSpace   *bool   `json:"add_prefix_space"` // default true
	UseRegex         *bool   `json:"use_regex"`        // default true
	IndividualDigits bool    `json:"individual_digits"`
	Replacement      string  `json:"replacement"`
	PrependScheme    *string `json:"prepend_scheme"`
	Split            *bool   `json:"split"` // default true
	Delimiter        string
}

// add appends one pre-tokenizer, or those of a sequence.
func (c *cut) add(raw json.RawMessage) error {
	if pyjson.Null(raw) {
		return nil
	}
	var p preTokenizerJSON
	if err := pyjson.Unmarshal(raw, &p); err != nil {
		return formats.Corruptf("tokenizer.json", -1, "pre_tokenizer", "%v", err)
	}
	if c.byteLevel && p.Type != "Sequence" {
		return fmt.Errorf("%w: the pre-tokenizer %q after ByteLevel", formats.ErrUnsupported, p.Type)
	}
	switch p.Type {
	case "Sequence":
		for _, raw := range p.Pretokenizers {
			if err := c.add(raw); err != nil {
				return err
			}
		}
		return nil
	case "ByteLevel":
		return c.addByteLevel(p)
	case "Digits":
		if p.IndividualDigits {
			return c.stage(`\p{N}`)
		}
		return c.stage(`\p{N}+`)
	case "Metaspace":
		return c.addMetaspace(p)
	case "Split":
		return c.addSplit(p)
	case "BertPreTokenizer":
		return c.splitter(splitBERT, p.Type)
	case "Whitespace":
		words, err := pattern.Compile("[" + rustWord + "]+|[^" + rustWord + `\s]+`)
		if err != nil {
			return err
		}
		return c.matches(matchSplitter{find: words.Spans, behavior: removed, invert: true}, p.Type)
	case "WhitespaceSplit":
		return c.matches(characterSplitter(unicode.IsSpace, removed), p.Type)
	case "Punctuation":
		if p.Behavior == "" {
			p.Behavior = isolated
		}
		return c.matches(characterSplitter(bertPunctuation, p.Behavior), p.Type)
	case "CharDelimiterSplit":
		delimiter := p.Delimiter
		return c.matches(characterSplitter(func(r rune) bool { return string(r) == delimiter }, removed), p.Type)
	}
	return fmt.Errorf("%w: the pre-tokenizer %q", formats.ErrUnsupported, p.Type)
}

// addByteLevel appends GPT-2's cut, where it is wanted, and notes that symbols are bytes.
func (c *cut) addByteLevel(p preTokenizerJSON) error {
	c.byteLevel = true
	if p.AddPrefixSpace == nil || *p.AddPrefixSpace {
		if len(c.stages) > 0 {
			return fmt.Errorf("%w: ByteLevel with add_prefix_space after another pre-tokenizer",
				formats.ErrUnsupported)
		}
		c.prefixSpace = true
	}
	if p.UseRegex == nil || *p.UseRegex {
		return c.stage(gpt2)
	}
	return nil
}

// addSplit appends a splitter by a pattern.
func (c *cut) addSplit(p preTokenizerJSON) error {
	text := ""
	switch {
	case p.Pattern.Regex != nil:
		text = *p.Pattern.Regex
	case p.Pattern.String != nil:
		text = pattern.Literal(*p.Pattern.String)
	}
	if p.Behavior == isolated {
		return c.stage(text)
	}
	compiled, err := pattern.Compile(text)
	if err != nil {
		return err
	}
	if p.Behavior != removed || !p.Invert {
		text = fmt.Sprintf("%s (%s, invert %t)", text, p.Behavior, p.Invert)
	}
	return c.matches(matchSplitter{find: compiled.Spans, behavior: p.Behavior, invert: p.Invert}, text)
}

// stage appends the splitter of a pattern.
func (c *cut) stage(text string) error {
	stages, err := splitters(text)
	if err != nil {
		return err
	}
	return c.splitter(stages[0], text)
}

// matches appends a splitter by matches.
func (c *cut) matches(m matchSplitter, name string) error {
	if err := checkBehavior(m.behavior); err != nil {
		return err
	}
	return c.splitter(m.split, name)
}

func (c *cut) splitter(s splitter, name string) error {
	c.stages = append(c.stages, s)
	c.patterns = append(c.patterns, name)
	return nil
}

// addMetaspace appends SentencePiece's treatment of spaces: ▁ for each, one more before the text, words begin with it.
func (c *cut) addMetaspace(p preTokenizerJSON) error {
	scheme := "always"
	switch {
	case p.PrependScheme != nil:
		scheme = strings.ToLower(*p.PrependScheme)
	case p.AddPrefixSpace != nil && !*p.AddPrefixSpace:
		scheme = "never"
	}
	if p.Replacement != "" && p.Replacement != underline {
		return fmt.Errorf("%w: Metaspace with %q for a space", formats.ErrUnsupported, p.Replacement)
	}
	m := metaspace{cut: p.Split == nil || *p.Split}
	switch scheme {
	case "always":
		m.prepend = true
	case "first":
		if len(c.stages) > 0 {
			return fmt.Errorf("%w: Metaspace with the scheme \"first\" after another pre-tokenizer",
				formats.ErrUnsupported)
		}
		c.firstMark = true
	case "never":
	default:
		return fmt.Errorf("%w: Metaspace with the scheme %q", formats.ErrUnsupported, scheme)
	}
	c.metaspace = true
	return c.splitter(m.split, "Metaspace")
}

// metaspace writes ▁ for spaces, puts one before a text that does not begin with it, and cuts before every one.
type metaspace struct{ prepend, cut bool }

func (m metaspace) split(text string, piece func(string)) {
	text = strings.ReplaceAll(text, " ", underline)
	if m.prepend && !strings.HasPrefix(text, underline) {
		text = underline + text
	}
	for m.cut {
		k := indexAfter(text, underline)
		if k < 0 {
			break
		}
		piece(text[:k])
		text = text[k:]
	}
	piece(text)
}

// indexAfter returns where mark is found in s behind the first character, -1 for nowhere.
func indexAfter(s, mark string) int {
	_, n := utf8.DecodeRuneInString(s)
	k := strings.Index(s[n:], mark)
	if k < 0 {
		return -1
	}
	return n + k
}
