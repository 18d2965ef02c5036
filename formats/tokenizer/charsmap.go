package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// charsmap is SentencePiece's precompiled_charsmap, which replaces strings of characters: a 32-bit length, a
// double-array trie of that many bytes (darts-clone, 32-bit units), and the replacements, each ended by a zero byte.
type charsmap struct {
	units []uint32
	text  string
}

// parseCharsmap reads a map; no data gives nil.
func parseCharsmap(data []byte) (*charsmap, error) {
	if len(data) == 0 {
		return nil, nil
	}
	bad := func(reason string) (*charsmap, error) {
		return nil, formats.Corruptf("the vocabulary", -1, "precompiled_charsmap", "%s", reason)
	}
	if len(data) < 4 {
		return bad("shorter than its length field")
	}
	n := int64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; n == 0 || n%4 != 0 || n > int64(len(data)) {
		return bad("the trie's length is wrong")
	}
	c := &charsmap{units: make([]uint32, n/4), text: string(data[n:])}
	for line := range strings.SplitSeq(c.text, "\x00") {
		if len(line) > mostReplacement {
			return bad("a replacement is longer than any of Unicode's")
		}
	}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return c, nil
}

// unit is the trie's unit at an index; out of range it is an empty one.
func (c *charsmap) unit(i uint32) uint32 {
	if int64(i) >= int64(len(c.units)) {
		return 1 << 31 // the label of no byte
	}
	return c.units[i]
}

// offset is the distance of a unit's children: 22 bits, in steps of 1 or 256.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// match finds the longest (or shortest) entry that s begins with and returns its replacement and its length, 0 for
// none.
func (c *charsmap) match(s string, shortest bool) (replacement string, n int) {
	node := offset(c.unit(0))
	value := uint32(0)
	for i := range len(s) {
		node ^= uint32(s[i])
		unit := c.unit(node)
		if unit&(1<<31|0xFF) != uint32(s[i]) || s[i] == 0 {
			break
		}
		node ^= offset(unit)
		if unit&(1<<8) != 0 {
			value, n = c.unit(node)&(1<<31-1), i+1
			if shortest {
				break
			}
		}
	}
	if n == 0 || int64(value) >= int64(len(c.text)) {
		return "", 0
	}
	replacement, _, _ = strings.Cut(c.text[value:], "\x00")
	return replacement, n
}

// next returns the replacement of the beginning of s and the number of bytes replaced: the longest entry, or else a
// character as it is, U+FFFD for a byte that is not UTF-8. c may be nil.
func (c *charsmap) next(s string) (replacement string, n int) {
	if c != nil {
		if replacement, n = c.match(s, false); n > 0 {
			return replacement, n
		}
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return "\uFFFD", 1
	}
	return s[:n], n
}

// graphemes normalizes as Hugging Face's library does: a user-perceived character (grapheme) of up to five bytes is
// looked up whole, and the shortest entry that it begins with replaces all of it; otherwise its characters are looked
// up one by one in the same way.
func (c *charsmap) graphemes(s string) string {
	var out strings.Builder
	state := -1
	for s != "" {
		var g string
		g, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(g) < 6 {
			if replacement, n := c.match(g, true); n > 0 {
				out.WriteString(replacement)
				continue
			}
		}
		for g != "" {
			_, n := utf8.DecodeRuneInString(g)
			if replacement, found := c.match(g[:n], true); found > 0 {
				out.WriteString(replacement)
			} else {
				out.WriteString(g[:n])
			}
			g = g[n:]
		}
	}
	return out.String()
}

// spaces is what SentencePiece's normalizer does with spaces.
type spaces struct {
	prefix bool // put one before the text (add_dummy_prefix)
	merge  bool // drop those at the ends, and all but one of several in a row (remove_extra_whitespaces)
}

// normalizer is SentencePiece's normalizer: the map, then the spaces.
func (o spaces) normalizer(c *charsmap) func(string) string {
	return func(s string) string {
		var out strings.Builder
		for s != "" && o.merge {
			replacement, n := c.next(s)
			if strings.Trim(replacement, " ") != "" {
				break
			}
			s = s[n:]
		}
		if s == "" {
			return ""
		}
		if o.prefix {
			out.WriteString(underline)
		}
		after, end := o.merge, out.Len() // after a space; the end of the last other character
		for s != "" {
			replacement, n := c.next(s)
			s = s[n:]
			for i := range len(replacement) {
				switch {
				case replacement[i] != ' ':
					out.WriteByte(replacement[i])
					after, end = false, out.Len()
				case !after:
					out.WriteString(underline)
					after = o.merge
				}
			}
		}
		if o.merge {
			return out.String()[:end]
		}
		return out.String()
	}
}

// findCharsmap finds the map among the normalizers.
func findCharsmap(raw json.RawMessage) []byte {
	var n normalizerJSON
	if len(raw) == 0 || pyjson.Unmarshal(raw, &n) != nil {
		return nil
	}
	if len(n.PrecompiledCharsmap) > 0 {
		return n.PrecompiledCharsmap
	}
	for _, raw := range n.Normalizers {
		if c := findCharsmap(raw); c != nil {
			return c
		}
	}
	return nil
}
