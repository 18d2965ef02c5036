package tokenizer

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// compile makes the program of a pattern in Oniguruma's syntax; an error means that regexp2 has to take it.
func compile(pattern string) (*program, error) {
	c := &compiler{rest: pattern}
	n := c.alternation()
	if c.rest != "" {
		c.fail()
	}
	if c.err != nil {
		return nil, c.err
	}
	p := &program{n.build(&step{op: opDone}), pattern}
	p.start.setFirst(map[*step]bool{})
	return p, nil
}

var errPattern = errors.New("not a pattern for the small matcher")

// compiler reads a pattern from the front of rest.
type compiler struct {
	rest string
	fold bool // within (?i: )
	err  error
}

// node is a part of a pattern: it makes the steps that match it and lead to next.
type node struct {
	set   *charset // of a part that is one character
	empty bool     // it may match nothing
	build func(next *step) *step
}

func (c *compiler) fail() node {
	c.err, c.rest = errPattern, ""
	return node{build: func(next *step) *step { return next }}
}

// take removes a prefix from the rest, if it is there.
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
	n := node{build: func(next *step) *step {
		s := &step{op: opEither}
		for _, way := range list {
			s.ways = append(s.ways, way.build(next))
		}
		return s
	}}
	for _, way := range list {
		n.empty = n.empty || way.empty
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
		n.empty = n.empty && part.empty
	}
	return n
}

// quantified reads one part and how often it comes.
func (c *compiler) quantified() node {
	n := c.atom()
	least, most := 1, 1
	switch {
	case c.take("?"):
		least = 0
	case c.take("*"):
		least, most = 0, math.MaxInt
	case c.take("+"):
		most = math.MaxInt
	case strings.HasPrefix(c.rest, "{"):
		inside, rest, ok := strings.Cut(c.rest[1:], "}")
		from, to, two := strings.Cut(inside, ",")
		var err1, err2 error
		least, err1 = strconv.Atoi(from)
		most = least
		if two {
			if most = math.MaxInt; to != "" {
				most, err2 = strconv.Atoi(to)
			}
		}
		c.rest = rest
		if !ok || err1 != nil || err2 != nil || least < 0 || most < least || least > 1000 || strings.HasPrefix(rest, "+") {
			return c.fail()
		}
	default:
		return n
	}
	held := c.take("+")
	if strings.HasPrefix(c.rest, "?") || strings.HasPrefix(c.rest, "*") || strings.HasPrefix(c.rest, "{") {
		return c.fail() // lazy or repeated again
	}
	if n.set != nil {
		return node{empty: least == 0, build: func(next *step) *step {
			return &step{op: opRun, set: n.set, min: least, max: most, held: held, next: next}
		}}
	}
	if n.empty || most != math.MaxInt && most > 8 {
		return c.fail()
	}
	return n.repeated(least, most, held)
}

// repeated makes a part of more than one character come least to most times.
func (n node) repeated(least, most int, held bool) node {
	inner := func(next *step) *step {
		if most == math.MaxInt {
			loop := &step{op: opEither}
			loop.ways = []*step{n.build(loop), next}
			next = loop
		} else {
			end := next
			for range most - least {
				next = &step{op: opEither, ways: []*step{n.build(next), end}}
			}
		}
		for range least {
			next = n.build(next)
		}
		return next
	}
	if !held {
		return node{empty: least == 0, build: inner}
	}
	return node{empty: least == 0, build: func(next *step) *step {
		return &step{op: opAtomic, sub: inner(&step{op: opDone}), next: next}
	}}
}

// single is the part that matches one character.
func single(holds func(rune) bool) node {
	set := newCharset(holds)
	return node{set: set, build: func(next *step) *step { return &step{op: opSet, set: set, next: next} }}
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
	case c.take("(?="):
		return c.look(false)
	case c.take("(?!"):
		return c.look(true)
	case strings.HasPrefix(c.rest, "(?"):
		return c.fail()
	case c.take("("):
		return c.group()
	case c.take("["):
		return single(c.class())
	case c.take("$"):
		return assertion(opLineEnd)
	case c.take(`\b`):
		return assertion(opWord)
	case c.take("."):
		return single(func(r rune) bool { return r != '\n' })
	case strings.HasPrefix(c.rest, `\`):
		return single(c.escape())
	case c.rest == "" || strings.ContainsRune("*+?{^", rune(c.rest[0])):
		return c.fail()
	}
	return single(c.literal(c.char()))
}

func (c *compiler) group() node {
	n := c.alternation()
	if !c.take(")") {
		return c.fail()
	}
	return n
}

func (c *compiler) look(not bool) node {
	n := c.group()
	return node{empty: true, build: func(next *step) *step {
		return &step{op: opAhead, not: not, sub: n.build(&step{op: opDone}), next: next}
	}}
}

func assertion(o op) node {
	return node{empty: true, build: func(next *step) *step { return &step{op: o, next: next} }}
}

// setFirst works out what matches can begin with, for all steps.
func (p *step) setFirst(done map[*step]bool) [2]uint64 {
	all := [2]uint64{math.MaxUint64, math.MaxUint64}
	if done[p] {
		return p.first
	}
	done[p] = true
	p.first = all // for a loop that comes back here
	var next [2]uint64
	if p.next != nil {
		next = p.next.setFirst(done)
	}
	if p.sub != nil {
		p.sub.setFirst(done)
	}
	switch p.op {
	case opSet:
		p.first = p.set.ascii
	case opRun:
		p.first = p.set.ascii
		if p.min == 0 {
			p.first[0] |= next[0]
			p.first[1] |= next[1]
		}
	case opEither:
		first := [2]uint64{}
		for _, way := range p.ways {
			f := way.setFirst(done)
			first[0] |= f[0]
			first[1] |= f[1]
		}
		p.first = first
	case opAhead, opWord, opLineEnd:
		p.first = next
	}
	return p.first
}
