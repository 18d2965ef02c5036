package pattern

import "math"

// node is a part of a pattern.
type node struct {
	set   *charset               // of a part that is one character
	empty bool                   // it may match nothing
	size  int                    // the number of its steps
	width int                    // the number of characters that it matches, -1 where that is not fixed
	build func(next *step) *step // makes the steps that match it and lead to next
}

// repeated repeats a group least to most times.
func (n node) repeated(least, most int, lazy, held bool) node {
	either := func(more, end *step) *step {
		if lazy {
			more, end = end, more
		}
		return &step{op: opEither, ways: []*step{more, end}}
	}
	inner := func(next *step) *step {
		if most == math.MaxInt {
			loop := &step{op: opEither}
			loop.ways = either(n.build(loop), next).ways
			next = loop
		} else {
			end := next
			for range most - least {
				next = either(n.build(next), end)
			}
		}
		for range least {
			next = n.build(next)
		}
		return next
	}
	if held {
		return node{empty: least == 0, build: keep(inner)}
	}
	return node{empty: least == 0, build: inner}
}

// keep makes a part that gives nothing back.
func keep(build func(next *step) *step) func(next *step) *step {
	return func(next *step) *step {
		return &step{op: opAtomic, sub: build(&step{op: opDone}), next: next}
	}
}

// single is the part that matches one character.
func single(holds func(rune) bool) node {
	set := newCharset(holds)
	return node{set: set, size: 1, width: 1, build: func(next *step) *step {
		return &step{op: opSet, set: set, next: next}
	}}
}

// setFirst finds the bytes that matches can begin with, for all steps from p on.
func (p *step) setFirst(done map[*step]bool) *[256]bool {
	if done[p] {
		return &p.first
	}
	done[p] = true
	for b := range p.first {
		p.first[b] = true // for a loop that leads back here
	}
	var next *[256]bool
	if p.next != nil {
		next = p.next.setFirst(done)
	}
	if p.sub != nil {
		p.sub.setFirst(done)
	}
	switch p.op {
	case opSet, opRun, opLazy:
		p.first = p.set.ascii
		if p.min == 0 && p.op != opSet {
			join(&p.first, next)
		}
	case opEither:
		var first [256]bool
		p.byByte = &[129][]*step{}
		for _, way := range p.ways {
			f := way.setFirst(done)
			join(&first, f)
			for b := range p.byByte {
				if f[b] {
					p.byByte[b] = append(p.byByte[b], way)
				}
			}
		}
		p.first = first
	case opAhead, opBehind, opWord, opLineStart, opLineEnd:
		p.first = *next
	}
	return &p.first
}

// join adds the bytes of more.
func join(first, more *[256]bool) {
	for b, ok := range more {
		first[b] = first[b] || ok
	}
}
