package tokenizer

import "unicode/utf8"

// characters maps the characters of a word to their first tokens, for byte-pair encoding over characters.
type characters struct {
	ids            map[string]int32
	prefix, suffix string     // marks of a character that does not begin its word, and of the last one
	fallback       bool       // a character without a token becomes the tokens of its bytes, if each has one
	byteID         [256]int32 // the token of a byte, -1 when there is none
	unk            int32      // the token of other characters; -1: they are dropped
	fuse           bool       // a run of unknown characters is one token
}

// appendSymbols appends the tokens of a word's characters. As in Hugging Face's library, the token of an unknown
// character comes only before the next known one, behind characters that are written as bytes.
func (c *characters) appendSymbols(ids []int32, word string) []int32 {
	unknown := false
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+n]
		if c.prefix != "" && i > 0 {
			char = c.prefix + char
		}
		if i += n; c.suffix != "" && i == len(word) {
			char += c.suffix
		}
		id, ok := c.ids[char]
		switch {
		case ok:
			if unknown {
				ids, unknown = append(ids, c.unk), false
			}
			ids = append(ids, id)
		case c.fallback && hasBytes(&c.byteID, char):
			for k := range len(char) {
				ids = append(ids, c.byteID[char[k]])
			}
		case c.unk >= 0:
			if unknown && !c.fuse {
				ids = append(ids, c.unk)
			}
			unknown = true
		}
	}
	if unknown {
		ids = append(ids, c.unk)
	}
	return ids
}

// split cuts a text into words.
func (j joints) split(text string, piece func(string)) {
	for i := 0; i < len(text); {
		k := j.next(text, i)
		piece(text[i:k])
		i = k
	}
}

// cutWords cuts texts into words, which is faster, and gives the same ids where ▁ is a token and so separates unknown
// characters.
func (b *bpe) cutWords(t *Tokenizer) {
	if _, ok := b.chars.ids[underline]; !ok || b.chars.prefix != "" || b.chars.suffix != "" {
		return
	}
	j := joints{}
	for _, m := range b.merges {
		j.add(t.tokens[m.id])
	}
	for word := range b.words {
		j.add(word)
	}
	b.stages = append(b.stages, j.split)
}
