package tokenizer

import "strconv"

// greedy is RWKV's model: the longest token, from left to right.
type greedy struct {
	tokens *trie
	unk    int32
}

func (g *greedy) appendIDs(ids []int32, text string) []int32 {
	for text != "" {
		id, n, ok := g.tokens.longest(text)
		if !ok {
			id, n = g.unk, 1
		}
		if id >= 0 {
			ids = append(ids, id)
		}
		text = text[n:]
	}
	return ids
}

// unescape undoes Python's spelling of bytes, in which RWKV's vocabulary is written: \t, \n, \r, \x and two digits; any
// other character after a backslash is itself.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 'x':
			if i+2 < len(s) {
				if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
					out = append(out, byte(v))
					i += 2
				}
			}
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
