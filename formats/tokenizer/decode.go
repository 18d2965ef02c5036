package tokenizer

import (
	"strconv"
	"strings"
)

// spelling is the way in which the tokens of a vocabulary are written.
type spelling uint8

const (
	byteLevel  spelling = iota // a character for every byte (bytes.go)
	underlined                 // ▁ for a space, <0x0A> for a byte (SentencePiece)
	phantom                    // underlined, and words begin with ▁ (BERT in GGUF)
	hashed                     // ## before tokens that do not begin a word (BERT)
	escaped                    // with Python's escapes for bytes (RWKV)
	plainText                  // as they are
)

// AppendPiece appends the bytes that one id stands for, and the text of a special token. Unused ids and ids outside the
// vocabulary stand for nothing. The bytes may be only a part of a character.
func (t *Tokenizer) AppendPiece(dst []byte, id int32) []byte {
	if id < 0 || int(id) >= len(t.tokens) {
		return dst
	}
	text := t.tokens[id]
	switch t.kinds[id] {
	case Unused:
		return dst
	case Control, UserDefined, Unknown:
		return append(dst, text...)
	case Byte:
		if b, ok := byteOf(text); ok {
			return append(dst, b)
		}
	}
	switch t.spelling {
	case byteLevel:
		if out, ok := appendBytes(dst, text); ok {
			return out
		}
	case underlined, phantom:
		text = strings.ReplaceAll(text, underline, " ")
	case hashed:
		if rest, ok := strings.CutPrefix(text, "##"); ok {
			text = rest
		} else {
			text = " " + text
		}
	case escaped:
		text = unescape(text)
	}
	return append(dst, text...)
}

// Decode returns the bytes that ids stand for, as AppendPiece writes them, without the space that the tokenizer puts
// before every text.
func (t *Tokenizer) Decode(ids []int32) []byte {
	var out []byte
	first := t.leadingSpace
	for _, id := range ids {
		before := len(out)
		out = t.AppendPiece(out, id)
		if !first || id < 0 || int(id) >= len(t.kinds) || t.kinds[id] == Control {
			continue
		}
		first = false
		if len(out) > before && out[before] == ' ' {
			out = append(out[:before], out[before+1:]...)
		}
	}
	return out
}

// byteOf is the byte that a token like <0x0A> stands for.
func byteOf(text string) (byte, bool) {
	if len(text) != len("<0x0A>") || !strings.HasPrefix(text, "<0x") || text[5] != '>' {
		return 0, false
	}
	v, err := strconv.ParseUint(text[3:5], 16, 8)
	return byte(v), err == nil
}
