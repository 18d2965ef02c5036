package tokenizer

import (
	"fmt"
	"strings"
)

// newByteBPE indexes a byte-level vocabulary and its merges ("left right", by ascending rank).
func newByteBPE(t *Tokenizer, merges []string, stages []splitter) *bpe {
	b := &bpe{stages: stages}
	ids := t.byText()
	missing := 0
	for v := range b.byteID {
		id, ok := ids[string(byteRune[v])]
		if !ok {
			id = -1
			if v < 0xC0 || v >= 0xC2 && v <= 0xF4 { // the other bytes do not occur in UTF-8
				missing++
			}
		}
		b.byteID[v] = id
	}
	if missing > 0 {
		t.warn(fmt.Sprintf("%d bytes of UTF-8 have no token; text loses them", missing))
	}
	b.setMerges(t, ids, merges, 0)
	return b
}

// byText maps the text of the tokens to their ids; of equal ones the last counts.
func (t *Tokenizer) byText() map[string]int32 {
	ids := make(map[string]int32, len(t.tokens))
	for id, text := range t.tokens {
		if t.kinds[id] != Unused {
			ids[text] = int32(id)
		}
	}
	return ids
}

// setMerges indexes the merges; skip is the length of the mark that the right part loses.
func (b *bpe) setMerges(t *Tokenizer, ids map[string]int32, merges []string, skip int) {
	b.merges = make(map[uint64]merge, len(merges))
	lost := 0
	for rank, line := range merges {
		left, right, ok := cutMerge(line)
		l, okLeft := ids[left]
		r, okRight := ids[right]
		id, okBoth := ids[left+right[min(skip, len(right)):]]
		if !ok || !okLeft || !okRight || !okBoth {
			lost++
			continue
		}
		if _, again := b.merges[pair(l, r)]; !again {
			b.merges[pair(l, r)] = merge{int32(rank), id}
		}
	}
	if lost > 0 {
		t.warn(fmt.Sprintf("%d of %d merges name tokens that are not in the vocabulary and are left out", lost, len(merges)))
	}
}

// cutMerge cuts a merge at its space; the first character may be a space itself.
func cutMerge(line string) (left, right string, ok bool) {
	if line == "" {
		return "", "", false
	}
	i := strings.IndexByte(line[1:], ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i+1], line[i+2:], true
}

// setWords makes words that are tokens stay whole.
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

// mergesReachAll reports whether the merges make every token out of its bytes, so that taking words whole changes
// nothing.
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
