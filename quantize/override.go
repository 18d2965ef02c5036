package quantize

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"bitmill/formats"
)

// Override gives tensors by name another type than the recipe's (llama-quantize's --tensor-type).
type Override struct {
	Pattern string       // regular expression (RE2), searched anywhere in the name, in any case
	Type    formats.Type // shape fallback still applies
	Matches int          // tensors that this override decided; set by a plan

	re     *regexp.Regexp
	hidden int // matching tensors that an earlier override decided
}

// ParseOverride reads "RE=TYPE"; the last = separates.
func ParseOverride(text string) (Override, error) {
	i := strings.LastIndexByte(text, '=')
	if i <= 0 || i == len(text)-1 {
		return Override{}, fmt.Errorf("tensor type %q: write it as PATTERN=TYPE, for example attn_v=q6_k", text)
	}
	re, err := regexp.Compile("(?i)" + text[:i])
	if err != nil {
		return Override{}, fmt.Errorf("tensor type %q: %w", text, err)
	}
	t, err := targetType(text[i+1:])
	if err != nil {
		return Override{}, fmt.Errorf("tensor type %q: %w", text, err)
	}
	return Override{Pattern: text[:i], Type: t, re: re}, nil
}

// targetType reads a type that weights may have in a file.
func targetType(name string) (formats.Type, error) {
	t, err := formats.ParseType(name)
	if err != nil {
		return 0, err
	}
	switch t {
	case formats.F32, formats.F16, formats.BF16:
		return t, nil
	case formats.Q8_1, formats.Q8_K: // activations only; no file holds them
		return 0, fmt.Errorf("%w: weights of type %s", formats.ErrUnsupported, t)
	}
	if !t.Quantized() {
		return 0, fmt.Errorf("%w: weights of type %s", formats.ErrUnsupported, t)
	}
	return t, nil
}

type overrides []Override

func parseOverrides(texts []string) (overrides, error) {
	list := make(overrides, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = ParseOverride(text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// find returns the first override that matches, and counts.
func (list overrides) find(name string) (formats.Type, bool) {
	var first *Override
	for i := range list {
		if !list[i].re.MatchString(name) {
			continue
		}
		if first == nil {
			first = &list[i]
			first.Matches++
		} else {
			list[i].hidden++
		}
	}
	if first == nil {
		return 0, false
	}
	return first.Type, true
}

// match reports whether any override matches, without counting.
func (list overrides) match(name string) bool {
	for i := range list {
		if list[i].re.MatchString(name) {
			return true
		}
	}
	return false
}

// check fails for overrides that decided nothing.
func (list overrides) check() error {
	var errs []error
	for _, o := range list {
		switch {
		case o.Matches > 0:
		case o.hidden > 0:
			errs = append(errs, fmt.Errorf("tensor type %s=%s has no effect: "+
				"earlier patterns decide all %d tensors that it matches", o.Pattern, o.Type, o.hidden))
		default:
			errs = append(errs, fmt.Errorf("tensor type %s=%s matches no tensor that can be quantized",
				o.Pattern, o.Type))
		}
	}
	return errors.Join(errs...)
}
