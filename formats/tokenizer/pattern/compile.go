package pattern

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"bitmill/formats"
)

// Compile makes a pattern ready to match. The error for what this package does not know is formats.ErrUnsupported, with
// its name and the byte of the pattern where reading stopped.
func Compile(pattern string) (*Pattern, error) {
	c := &compiler{rest: pattern}
	n := c.alternation()
	if c.rest != "" {
		c.fail("an unmatched )")
	}
	if c.err != "" {
		return nil, fmt.Errorf("%w: the pattern %s: %s, at byte %d", formats.ErrUnsupported,
			pattern, c.err, len(pattern)-c.left)
	}
	p := &Pattern{n.build(&step{op: opDone}), n.empty}
	p.start.setFirst(map[*step]bool{})
	return p, nil
}

// compiler reads a pattern from the front of rest.
type compiler struct {
	rest string
	fold bool   // within (?i: )
	err  string // the first thing that is not supported
	left int    // bytes of the pattern behind it
}

// fail notes the first thing that is not supported and ends the reading.
func (c *compiler) fail(what string) node {
	if c.err == "" {
		c.err, c.left = what, len(c.rest)
	}
	c.rest = ""
	return node{build: func(next *step) *step { return next }}
}

// take removes a prefix from the rest and reports whether it was there.
func (c *compiler) take(prefix string) bool {
	rest, ok := strings.CutPrefix(c.rest, prefix)
	c.rest = rest
	return ok
}

func (c *compiler) char() rune {
	r, n := utf8.DecodeRuneInString(c.rest)
	c.rest = c.rest[n:]
	return r
}

// alternation reads parts between bars up to a closing parenthesis.
func (c *compiler) alternation() node {
	list := []node{c.sequence()}
	for c.take("|") {
		list = append(list, c.sequence())
	}
	if len(list) == 1 {
		return list[0]
	}
	n := node{size: 1, width: list[0].width, build: func(next *step) *step {
		s := &step{op: opEither}
		for _, way := range list {
			s.ways = append(s.ways, way.build(next))
		}
		return s
	}}
	for _, way := range list {
		n.size += way.size
		n.empty = n.empty || way.empty
		if way.width != n.width {
			n.width = -1
		}
	}
	return n
}

func (c *compiler) sequence() node {
	var list []node
	for c.rest != "" && c.rest[0] != '|' && c.rest[0] != ')' {
		list = append(list, c.quantified())
	}
	if len(list) == 1 {
		return list[0]
	}
	n := node{empty: true, build: func(next *step) *step {
		for i := len(list) - 1; i >= 0; i-- {
			next = list[i].build(next)
		}
		return next
	}}
	for _, part := range list {
		n.size += part.size
		n.empty = n.empty && part.empty
		if n.width < 0 || part.width < 0 {
			n.width = -1
		} else {
			n.width += part.width
		}
	}
	return n
}

// mostSteps bounds the steps of a repeated group, so that no pattern takes much memory.
const mostSteps = 1 << 13

// quantified reads a part and its quantifier.
func (c *compiler) quantified() node {
	n := c.atom()
	least, most, counted := c.quantifier()
	if least == 1 && most == 1 && !counted {
		return n
	}
	lazy := c.take("?")
	held := !lazy && c.take("+")
	switch {
	case counted && (held || lazy && least == most):
		return c.fail("a counted repetition that is repeated") // in Oniguruma's syntax a{2}+ is (?:a{2})+
	case strings.HasPrefix(c.rest, "?") || strings.HasPrefix(c.rest, "*") || strings.HasPrefix(c.rest, "+"):
		return c.fail("a repetition that is repeated")
	}
	width := -1
	if least == most && n.width >= 0 {
		width = least * n.width
	}
	if n.set != nil {
		return node{empty: least == 0, size: 1, width: width, build: func(next *step) *step {
			if lazy {
				return &step{op: opLazy, set: n.set, min: least, max: most, next: next}
			}
			return &step{op: opRun, set: n.set, min: least, max: most, held: held || next.op == opDone, next: next}
		}}
	}
	if n.empty {
		return c.fail("a repeated group that may be empty")
	}
	copies := most
	if most == math.MaxInt {
		copies = least + 1
	}
	r := n.repeated(least, most, lazy, held)
	r.size, r.width = (n.size+1)*copies, width
	if r.size > mostSteps || copies > mostSteps {
		return c.fail("a group repeated too often")
	}
	return r
}

// quantifier reads how often a part is repeated, once without a quantifier. Braces without numbers are characters.
func (c *compiler) quantifier() (least, most int, counted bool) {
	switch {
	case c.take("?"):
		return 0, 1, false
	case c.take("*"):
		return 0, math.MaxInt, false
	case c.take("+"):
		return 1, math.MaxInt, false
	case !strings.HasPrefix(c.rest, "{"):
		return 1, 1, false
	}
	inside, rest, closed := strings.Cut(c.rest[1:], "}")
	from, to, two := strings.Cut(inside, ",")
	if from == "" {
		from = "0"
	}
	least, err := strconv.Atoi(from)
	most = least
	if two && err == nil {
		if most = math.MaxInt; to != "" {
			most, err = strconv.Atoi(to)
		}
	}
	if !closed || err != nil || inside == "" || inside == "," {
		return 1, 1, false
	}
	if least < 0 || most < least || least > 1000 {
		c.fail("the repetition {" + inside + "}")
	}
	c.rest = rest
	return least, most, true
}

// atom reads a character, a class, a group or an assertion.
func (c *compiler) atom() node {
	switch {
	case c.take("(?:"):
		return c.group()
	case c.take("(?i:"):
		before := c.fold
		c.fold = true
		n := c.group()
		c.fold = before
		return n
	case c.take("(?>"):
		n := c.group()
		return node{empty: n.empty, size: n.size + 1, width: n.width, build: keep(n.build)}
	case c.take("(?="):
		return c.look(opAhead, false)
	case c.take("(?!"):
		return c.look(opAhead, true)
	case c.take("(?<="):
		return c.look(opBehind, false)
	case c.take("(?<!"):
		return c.look(opBehind, true)
	case strings.HasPrefix(c.rest, "(?"):
		return c.fail("a group of the form " + c.rest[:min(3, len(c.rest))])
	case c.take("("):
		return c.group()
	case c.take("["):
		return single(c.class())
	case c.take("^"):
		return assertion(opLineStart)
	case c.take("$"):
		return assertion(opLineEnd)
	case c.take(`\b`):
		return assertion(opWord)
	case c.take("."):
		return single(func(r rune) bool { return r != '\n' })
	case strings.HasPrefix(c.rest, `\`):
		return single(c.escape())
	case c.rest == "" || strings.ContainsRune("*+?", rune(c.rest[0])):
		return c.fail("a repetition of nothing")
	}
	return single(c.literal(c.char()))
}

func (c *compiler) group() node {
	n := c.alternation()
	if !c.take(")") {
		return c.fail("an unclosed (")
	}
	return n
}

// look reads a lookahead, or a lookbehind of a fixed number of characters.
func (c *compiler) look(o op, not bool) node {
	n := c.group()
	if o == opBehind && n.width < 0 {
		return c.fail("a lookbehind of more than one length")
	}
	return node{empty: true, size: n.size + 1, build: func(next *step) *step {
		return &step{op: o, not: not, min: n.width, sub: n.build(&step{op: opDone}), next: next}
	}}
}

func assertion(o op) node {
	return node{empty: true, size: 1, build: func(next *step) *step { return &step{op: o, next: next} }}
}
