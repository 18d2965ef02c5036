package tokenizer

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// charset is a set of characters: what a class of a pattern matches. Membership beyond ASCII is worked out page by page,
// when first asked for.
type charset struct {
	ascii [2]uint64
	holds func(rune) bool
	pages [(unicode.MaxRune + 1) / 256]atomic.Pointer[[4]uint64]
}

func newCharset(holds func(rune) bool) *charset {
	c := &charset{holds: holds}
	for r := range rune(utf8.RuneSelf) {
		if holds(r) {
			c.ascii[r>>6] |= 1 << (r & 63)
		}
	}
	return c
}

// at reports whether the character at s[i] is in the set, and its length; a byte that is not UTF-8 counts as U+FFFD.
func (c *charset) at(s string, i int) (n int, ok bool) {
	if b := s[i]; b < utf8.RuneSelf {
		return 1, c.ascii[b>>6]>>(b&63)&1 != 0
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	page := c.pages[r>>8].Load()
	if page == nil {
		page = new([4]uint64)
		for k := range rune(256) {
			if c.holds(r&^255 | k) {
				page[k>>6] |= 1 << (k & 63)
			}
		}
		c.pages[r>>8].Store(page)
	}
	return n, page[r>>6&3]>>(r&63)&1 != 0
}

// property is the predicate of \p{name}: a category or a script.
func property(name string) func(rune) bool {
	table := unicode.Categories[name]
	if table == nil {
		table = unicode.Scripts[name]
	}
	if table == nil {
		return nil
	}
	more := newer[name]
	return func(r rune) bool { return unicode.Is(table, r) || more.has(r) }
}

// wordChar is \w in Oniguruma, superscripts and fractions of Latin-1 and circled letters among it.
var wordChar = func() func(rune) bool {
	var parts []func(rune) bool
	for _, name := range []string{"L", "M", "Nd", "Nl", "Pc"} {
		parts = append(parts, property(name))
	}
	rest := runes{{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169},
		{0x1F170, 0x1F189}}
	return func(r rune) bool {
		for _, p := range parts {
			if p(r) {
				return true
			}
		}
		return rest.has(r)
	}
}()
