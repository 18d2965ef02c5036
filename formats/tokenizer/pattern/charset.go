package pattern

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// charset is a set of characters, as a class of a pattern. Beyond ASCII it is filled page by page, when a page is first
// used.
type charset struct {
	ascii [256]bool // by byte; true beyond ASCII
	holds func(rune) bool
	pages [(unicode.MaxRune + 1) / 256]atomic.Pointer[[256]bool]
}

func newCharset(holds func(rune) bool) *charset {
	c := &charset{holds: holds}
	for b := range c.ascii {
		c.ascii[b] = b >= utf8.RuneSelf || holds(rune(b))
	}
	return c
}

// at reports whether the character at s[i] is in the set, and its length; a byte that is not UTF-8 counts as U+FFFD.
func (c *charset) at(s string, i int) (n int, ok bool) {
	if b := s[i]; b < utf8.RuneSelf {
		return 1, c.ascii[b]
	}
	return c.beyondASCII(s[i:])
}

func (c *charset) beyondASCII(s string) (n int, ok bool) {
	r, n := utf8.DecodeRuneInString(s)
	page := c.pages[r>>8].Load()
	if page == nil {
		page = new([256]bool)
		for k := range page {
			page[k] = c.holds(r&^255 | rune(k))
		}
		c.pages[r>>8].Store(page)
	}
	return n, page[r&255]
}

// run returns the two ends of a run of characters of the set from byte i on: after min of them (-1 when there are
// fewer) and after as many as there are, at most max.
func (c *charset) run(s string, i, min, max int) (least, most int) {
	least = -1
	for count := 0; ; count++ {
		if count == min {
			least = i
		}
		if count == max || i == len(s) {
			return least, i
		}
		n, ok := 1, c.ascii[s[i]]
		if ok && s[i] >= utf8.RuneSelf {
			n, ok = c.beyondASCII(s[i:])
		}
		if !ok {
			return least, i
		}
		i += n
	}
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
	return func(r rune) bool { return unicode.Is(table, r) || more.Has(r) }
}

// wordChar is \w in Oniguruma, with the superscripts and fractions of Latin-1 and with circled letters.
var wordChar = func() func(rune) bool {
	var parts []func(rune) bool
	for _, name := range []string{"L", "M", "Nd", "Nl", "Pc"} {
		parts = append(parts, property(name))
	}
	rest := Ranges{{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169},
		{0x1F170, 0x1F189}}
	return func(r rune) bool {
		for _, p := range parts {
			if p(r) {
				return true
			}
		}
		return rest.Has(r)
	}
}()
