package tokenizer

import (
	"fmt"
	"strings"
)

// newByteBPE indexes a byte-level vocabulary and its merges, by ascending rank.
func newByteBPE(t *Tokenizer, merges [][2]string, stages []splitter) *bpe {
	b := &bpe{stages: stages}
	ids := t.byText()
	var missing []string
	for v := range b.byteID {
		id, ok := ids[string(byteRune[v])]
		if !ok {
			id = -1
			if v < 0xC0 || v >= 0xC2 && v <= 0xF4 { // the other bytes do not occur in UTF-8
				missing = append(missing, fmt.Sprintf("%02X", v))
			}
		}
		b.byteID[v] = id
	}
	if missing != nil {
		t.warn(fmt.Sprintf("%d bytes of UTF-8 have no token (%s) and are dropped from texts: characters with such "+
			"a byte are lost or garbled", len(missing), strings.Join(missing, " ")))
	}
	b.setMerges(t, ids, merges, 0)
	return b
}

// byText maps the tokens' texts to their ids; of equal texts the last id counts.
func (t *Tokenizer) byText() map[string]int32 {
	ids := make(map[string]int32, len(t.tokens))
	for id, text := range t.tokens {
		if t.kinds[id] != Unused {
			ids[text] = int32(id)
		}
	}
	return ids
}

// setMerges indexes the merges; skip is the length of the prefix that the right part loses (continuing_subword_prefix).
func (b *bpe) setMerges(t *Tokenizer, ids map[string]int32, merges [][2]string, skip int) {
	b.merges = make(map[uint64]merge, len(merges))
	lost := 0
	for rank, p := range merges {
		left, right := p[0], p[1]
		l, okLeft := ids[left]
		r, okRight := ids[right]
		id, okBoth := ids[left+right[min(skip, len(right)):]]
		if !okLeft || !okRight || !okBoth {
			lost++
			continue
		}
		if _, again := b.merges[pair(l, r)]; !again {
			b.merges[pair(l, r)] = merge{int32(rank), id}
		}
	}
	if lost > 0 {
		t.warn(fmt.Sprintf("%d of %d merges name tokens that are not in the vocabulary and are left out",
			lost, len(merges)))
	}
}

// cutMerges cuts merges at the space behind their first character. A line without one becomes an empty merge, which is
// left out later but counts as a rank.
func cutMerges(lines []string) [][2]string {
	merges := make([][2]string, len(lines))
	for i, line := range lines {
		if line == "" {
			continue
		}
		if k := strings.IndexByte(line[1:], ' '); k >= 0 {
			merges[i] = [2]string{line[:k+1], line[k+2:]}
		}
	}
	return merges
}

// joinMerges writes merges as GGUF does: "left right", with Ġ for a space within a part.
func joinMerges(merges [][2]string) []string {
	lines := make([]string, len(merges))
	for i, p := range merges {
		lines[i] = strings.ReplaceAll(p[0], " ", "Ġ") + " " + strings.ReplaceAll(p[1], " ", "Ġ")
	}
	return lines
}

// setWords keeps words that are tokens whole (ignore_merges).
func (b *bpe) setWords(t *Tokenizer) {
	b.words = make(map[string]int32, len(t.tokens))
	for id, text := range t.tokens {
		if t.kinds[id] != Normal {
			continue
		}
		if word, ok := appendBytes(nil, text); ok {
			b.words[string(word)] = int32(id)
		}
	}
}

// mergesReachAll reports whether the merges make every token from its bytes, so that ignore_merges changes nothing.
func (b *bpe) mergesReachAll(t *Tokenizer) bool {
	s := &scratch{}
	var word []byte
	for id, text := range t.tokens {
		var ok bool
		if word, ok = appendBytes(word[:0], text); !ok || t.kinds[id] != Normal {
			continue
		}
		plain := bpe{byteID: b.byteID, merges: b.merges}
		if ids := plain.merge(string(word), s); len(ids) != 1 || ids[0] != int32(id) {
			return false
		}
	}
	return true
}
