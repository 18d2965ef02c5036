package tokenizer

import (
	"encoding/json"
	"fmt"

	"github.com/dlclark/regexp2"

	"bitmill/formats"
)

// cut is tokenizer.json's "pre_tokenizer" understood: splitters in a row and the patterns they stand for.
type cut struct {
	stages      []splitter
	patterns    []string
	byteLevel   bool
	prefixSpace bool
}

// add appends one pre-tokenizer, or those of a sequence.
func (c *cut) add(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var p struct {
		Type             string
		Pretokenizers    []json.RawMessage
		Pattern          struct{ Regex, String *string }
		Behavior         string
		Invert           bool
		AddPrefixSpace   *bool `json:"add_prefix_space"` // default true
		UseRegex         *bool `json:"use_regex"`        // default true
		IndividualDigits bool  `json:"individual_digits"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
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
		c.byteLevel = true
		if p.AddPrefixSpace == nil || *p.AddPrefixSpace {
			if len(c.stages) > 0 {
				return fmt.Errorf("%w: ByteLevel with add_prefix_space after another pre-tokenizer", formats.ErrUnsupported)
			}
			c.prefixSpace = true
		}
		if p.UseRegex == nil || *p.UseRegex {
			return c.stage(gpt2, false)
		}
		return nil
	case "Digits":
		if p.IndividualDigits {
			return c.stage(`\p{N}`, false)
		}
		return c.stage(`\p{N}+`, false)
	case "Split":
		pattern := ""
		switch {
		case p.Pattern.Regex != nil:
			pattern = *p.Pattern.Regex
		case p.Pattern.String != nil:
			pattern = regexp2.Escape(*p.Pattern.String)
		}
		switch {
		case p.Behavior == "Isolated":
			return c.stage(pattern, false)
		case p.Behavior == "Removed" && p.Invert:
			return c.stage(pattern, true)
		}
		return fmt.Errorf("%w: the pre-tokenizer Split with behavior %s and invert %t", formats.ErrUnsupported, p.Behavior, p.Invert)
	}
	return fmt.Errorf("%w: the pre-tokenizer %q", formats.ErrUnsupported, p.Type)
}

// stage appends the splitter of a pattern. With dropGaps only its matches remain.
func (c *cut) stage(pattern string, dropGaps bool) error {
	s, err := newSplitter(pattern)
	if err != nil {
		return err
	}
	if dropGaps {
		switch p := s.(type) {
		case *scanner: // has no gaps
		case *regexpSplitter:
			p.dropGaps = true
		default:
			return fmt.Errorf("%w: a pre-tokenizer that removes all but numbers", formats.ErrUnsupported)
		}
	}
	c.stages = append(c.stages, s)
	c.patterns = append(c.patterns, pattern)
	return nil
}
