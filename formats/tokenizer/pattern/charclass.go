package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// literal is the predicate of one character, in any case within (?i: ).
func (c *compiler) literal(want rune) func(rune) bool {
	if !c.fold {
		return func(r rune) bool { return r == want }
	}
	return func(r rune) bool { return anyCase(r, func(r rune) bool { return r == want }) }
}

// anyCase reports whether holds is true of a character or of another case of it.
func anyCase(r rune, holds func(rune) bool) bool {
	other := unicode.SimpleFold(r)
	for other != r && !holds(other) {
		other = unicode.SimpleFold(other)
	}
	return holds(other)
}

// escape reads a backslash and what follows.
func (c *compiler) escape() func(rune) bool {
	for _, e := range []struct {
		text  string
		holds func(rune) bool
	}{{`\s`, unicode.IsSpace}, {`\d`, property("Nd")}, {`\w`, wordChar}} {
		if c.take(e.text) {
			return e.holds
		}
		if c.take(strings.ToUpper(e.text)) {
			return func(r rune) bool { return !e.holds(r) }
		}
	}
	if c.take(`\p{`) || strings.HasPrefix(c.rest, `\P{`) {
		not := c.take(`\P{`)
		name, rest, _ := strings.Cut(c.rest, "}")
		c.rest = rest
		name, caret := strings.CutPrefix(name, "^")
		holds := property(name)
		if holds == nil {
			c.fail("the property " + name)
			return func(rune) bool { return false }
		}
		if not != caret {
			return func(r rune) bool { return !holds(r) }
		}
		return holds
	}
	return c.literal(c.escaped())
}

// escaped reads an escape that stands for one character.
func (c *compiler) escaped() rune {
	c.take(`\`)
	if c.rest == "" {
		c.fail("a backslash at the end")
		return 0
	}
	r := c.char()
	if k := strings.IndexRune("rntfv", r); k >= 0 {
		return rune("\r\n\t\f\v"[k])
	}
	digits := ""
	switch {
	case r == 'x' && c.take("{"):
		digits, c.rest, _ = strings.Cut(c.rest, "}")
	case r == 'x' && len(c.rest) >= 2:
		digits, c.rest = c.rest[:2], c.rest[2:]
	case r == 'u' && len(c.rest) >= 4:
		digits, c.rest = c.rest[:4], c.rest[4:]
	case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		c.fail(`the escape \` + string(r))
		return 0
	default:
		return r
	}
	v, err := strconv.ParseUint(digits, 16, 31)
	if err != nil || v > unicode.MaxRune {
		c.fail("the code point " + digits)
		return 0
	}
	return rune(v)
}

// class reads a class behind its opening bracket: ranges, escapes, nested classes (union) and && (intersection). Within
// (?i: ) a class may hold characters and ranges only.
func (c *compiler) class() func(rune) bool {
	not := c.take("^")
	var ranges Ranges
	var parts []func(rune) bool
	for first := true; ; first = false {
		switch {
		case c.rest == "":
			c.fail("an unclosed [")
			return func(rune) bool { return false }
		case strings.HasPrefix(c.rest, "]") && !first:
			c.rest = c.rest[1:]
			return c.union(ranges, parts, not)
		case strings.HasPrefix(c.rest, "[:"):
			c.fail("a POSIX bracket")
			continue
		case c.take("&&"):
			left, right := c.union(ranges, parts, false), c.class()
			return func(r rune) bool { return (left(r) && right(r)) != not }
		case c.take("["):
			parts = append(parts, c.class())
			continue
		case len(c.rest) > 1 && c.rest[0] == '\\' && strings.ContainsRune("sSdDwWpP", rune(c.rest[1])):
			parts = append(parts, c.escape())
			continue
		}
		from := c.member()
		to := from
		if strings.HasPrefix(c.rest, "-") && !strings.HasPrefix(c.rest, "-]") {
			c.rest = c.rest[1:]
			if to = c.member(); to < from {
				c.fail("a range that ends before it begins")
			}
		}
		ranges = append(ranges, [2]rune{from, to})
	}
}

// member reads one character of a class.
func (c *compiler) member() rune {
	if strings.HasPrefix(c.rest, `\`) {
		return c.escaped()
	}
	return c.char()
}

// union is the predicate of ranges and parts or, with not, of all other characters.
func (c *compiler) union(ranges Ranges, parts []func(rune) bool, not bool) func(rune) bool {
	if c.fold {
		if len(parts) > 0 {
			c.fail("a class within (?i: that has more than characters and ranges")
		}
		return func(r rune) bool { return anyCase(r, ranges.Has) != not }
	}
	return func(r rune) bool {
		in := ranges.Has(r)
		for _, p := range parts {
			in = in || p(r)
		}
		return in != not
	}
}
