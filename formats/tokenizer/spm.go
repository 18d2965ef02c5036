package tokenizer

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// scoreBPE is SentencePiece's byte-pair encoding (Kudo and Richardson 2018) as llama.cpp has it for
// tokenizer.ggml.model "llama". The text, with ▁ for spaces, is cut into characters. Neighbours whose joint text is a
// token are merged: the token of the highest score first, of equal scores the leftmost. What is not a token then
// becomes the tokens of its bytes (<0x0A>), or the unknown token.
type scoreBPE struct {
	ids    map[string]merge // tokens by text; the rank orders scores, the highest is 0
	byteID [256]int32       // the token of a byte, -1 where there is none
	unk    int32            // -1: what has no token is dropped
	joints joints           // where words are cut, which are encoded one by one
	pool   sync.Pool        // of *scoreScratch
}

type scoreScratch struct {
	cache wordCache
	ids   []int32
	parts []part
	queue queue
}

// part is a stretch of text in the list of a word's parts; merged ones are empty.
type part struct {
	from, to   int32
	prev, next int32
}

// newScoreBPE indexes the tokens; merges make only those of a usable kind.
func newScoreBPE(t *Tokenizer, scores []float32, usable func(Kind) bool) *scoreBPE {
	b := &scoreBPE{ids: make(map[string]merge, len(t.tokens)), unk: t.unk, joints: joints{}}
	b.byteID = byteTokens(t.byText())
	order := slices.Clone(scores)
	slices.SortFunc(order, func(x, y float32) int { return compareScores(y, x) })
	order = slices.Compact(order)
	for id, text := range t.tokens {
		if t.kinds[id] == Unused && text == "" || !usable(t.kinds[id]) {
			continue
		}
		rank, _ := slices.BinarySearchFunc(order, scores[id], func(x, y float32) int { return compareScores(y, x) })
		b.ids[text] = merge{int32(rank), int32(id)}
		b.joints.add(text)
	}
	return b
}

// compareScores orders scores; NaN is the lowest.
func compareScores(x, y float32) int {
	switch {
	case x < y || x != x && y == y:
		return -1
	case x > y || y != y && x == x:
		return 1
	}
	return 0
}

// underline is SentencePiece's character for a space, U+2581.
const underline = "▁"

// joints are the characters that some token has before a ▁. After any other character a text can be cut before a ▁,
// because no token reaches across; both sides are encoded by themselves.
type joints map[rune]bool

// add notes the joints of a token.
func (j joints) add(token string) {
	before := rune(-1)
	for _, r := range token {
		if r == '▁' && before >= 0 && before != '▁' {
			j[before] = true
		}
		before = r
	}
}

// next returns where the word after the one at s[i] begins.
func (j joints) next(s string, i int) int {
	for at := i; ; {
		k := strings.Index(s[at:], underline)
		if k < 0 {
			return len(s)
		}
		at += k
		before, _ := utf8.DecodeLastRuneInString(s[i:at])
		if at > i && before != '▁' && !j[before] {
			return at
		}
		at += len(underline)
	}
}

func (b *scoreBPE) appendIDs(ids []int32, text string) []int32 {
	s, _ := b.pool.Get().(*scoreScratch)
	if s == nil {
		s = &scoreScratch{}
	}
	defer b.pool.Put(s)
	for i := 0; i < len(text); {
		j := b.joints.next(text, i)
		word := text[i:j]
		known, ok := s.cache.get(word)
		if !ok {
			known = b.merge(word, s)
			s.cache.put(word, known)
		}
		ids = append(ids, known...)
		i = j
	}
	return ids
}

// merge returns the ids of a text, in memory of s.
func (b *scoreBPE) merge(text string, s *scoreScratch) []int32 {
	s.parts, s.queue, s.ids = s.parts[:0], s.queue[:0], s.ids[:0]
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		k := int32(len(s.parts))
		s.parts = append(s.parts, part{int32(i), int32(i + n), k - 1, k + 1})
		i += n
	}
	s.parts[len(s.parts)-1].next = -1
	for i := range s.parts[1:] {
		b.consider(text, s, int32(i))
	}
	for len(s.queue) > 0 {
		c := s.queue.pop()
		left := &s.parts[c.at]
		if left.from == left.to || left.next < 0 || s.parts[left.next].to-left.from != c.left {
			continue
		}
		right := &s.parts[left.next]
		left.to, right.from = right.to, right.to
		left.next = right.next
		if left.next >= 0 {
			s.parts[left.next].prev = c.at
			b.consider(text, s, c.at)
		}
		if left.prev >= 0 {
			b.consider(text, s, left.prev)
		}
	}
	for i := int32(0); i >= 0; i = s.parts[i].next {
		s.ids = b.appendPart(s.ids, text[s.parts[i].from:s.parts[i].to])
	}
	return s.ids
}

// consider queues the merge of the part at index at with the next one, if their text is a token.
func (b *scoreBPE) consider(text string, s *scoreScratch, at int32) {
	from, to := s.parts[at].from, s.parts[s.parts[at].next].to
	if m, ok := b.ids[text[from:to]]; ok {
		s.queue.push(candidate{merge: m, at: at, left: to - from})
	}
}

// appendPart appends the id of a part, or those of its bytes.
func (b *scoreBPE) appendPart(ids []int32, text string) []int32 {
	if m, ok := b.ids[text]; ok {
		return append(ids, m.id)
	}
	return appendFallback(ids, &b.byteID, b.unk, text)
}

// appendFallback appends the tokens of the bytes of text. A run of bytes without tokens becomes one unknown token.
func appendFallback(ids []int32, byteID *[256]int32, unk int32, text string) []int32 {
	for i := range len(text) {
		id := byteID[text[i]]
		if id < 0 {
			id = unk
		}
		if id >= 0 && (id != unk || len(ids) == 0 || ids[len(ids)-1] != unk) {
			ids = append(ids, id)
		}
	}
	return ids
}
