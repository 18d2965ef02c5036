package tokenizer

import (
	"strings"
	"sync"
)

// byteBPE is byte-level byte-pair encoding (GPT-2): text is cut into words by splitters, each byte of a word becomes a
// token, and then the neighbours whose pair has the lowest rank are merged, the leftmost first, until no pair of
// neighbours has a rank. Bytes without a token of their own are dropped, as llama.cpp and Hugging Face drop them.
type byteBPE struct {
	stages []splitter
	byteID [256]int32       // the token of a byte, -1 when there is none
	merges map[uint64]merge // by pair
	words  map[string]int32 // tokens by their bytes, when a word that is a token is taken whole (ignore_merges); else nil
	pool   sync.Pool        // of *scratch
}

// merge says what a pair becomes and when: lower ranks first.
type merge struct{ rank, id int32 }

// pair is the key of two neighbouring tokens.
func pair(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// scratch is what one Encode needs; never shared between two at a time.
type scratch struct {
	cache map[string][]int32 // words met before
	arena []int32            // where the ids in cache lie
	ids   []int32
	next  []merge // short words: the merge of ids[i] and ids[i+1]
	links []link  // long words
	queue queue
}

const (
	cachedBytes = 32      // longer words are not worth keeping
	cachedWords = 1 << 16 // the cache starts afresh beyond so many
	shortWord   = 48      // up to so many tokens a linear search beats the queue
)

// appendIDs appends the ids of a text without added tokens.
func (b *byteBPE) appendIDs(ids []int32, text string) []int32 {
	s, _ := b.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{cache: map[string][]int32{}}
	}
	defer b.pool.Put(s)
	if len(b.stages) == 1 {
		if scan, ok := b.stages[0].(*scanner); ok {
			for i := 0; i < len(text); {
				j := scan.next(text, i)
				ids = b.appendWord(ids, text[i:j], s)
				i = j
			}
			return ids
		}
	}
	splitAll(b.stages, text, func(word string) { ids = b.appendWord(ids, word, s) })
	return ids
}

// appendWord appends the ids of one word.
func (b *byteBPE) appendWord(ids []int32, word string, s *scratch) []int32 {
	if len(word) > cachedBytes {
		return append(ids, b.merge(word, s)...)
	}
	if known, ok := s.cache[word]; ok {
		return append(ids, known...)
	}
	if len(s.cache) >= cachedWords {
		clear(s.cache)
		s.arena = nil
	}
	found := b.merge(word, s)
	if cap(s.arena)-len(s.arena) < len(found) {
		s.arena = make([]int32, 0, 4096)
	}
	start := len(s.arena)
	s.arena = append(s.arena, found...)
	s.cache[strings.Clone(word)] = s.arena[start:len(s.arena):len(s.arena)]
	return append(ids, found...)
}

// merge returns the ids of a word, in memory of s.
func (b *byteBPE) merge(word string, s *scratch) []int32 {
	s.ids = s.ids[:0]
	if id, ok := b.words[word]; ok {
		s.ids = append(s.ids, id)
		return s.ids
	}
	for i := range len(word) {
		s.ids = append(s.ids, b.byteID[word[i]])
	}
	if len(s.ids) <= shortWord {
		b.mergeShort(s)
	} else {
		b.mergeLong(s)
	}
	known := s.ids[:0]
	for _, id := range s.ids {
		if id >= 0 {
			known = append(known, id)
		}
	}
	return known
}

// unmergeable is the rank of a pair that is no merge.
const unmergeable = 1<<31 - 1

// of is the merge of two neighbours.
func (b *byteBPE) of(left, right int32) merge {
	if m, ok := b.merges[pair(left, right)]; ok {
		return m
	}
	return merge{rank: unmergeable}
}

// mergeShort merges s.ids in place: n merges, each after a search through all neighbours.
func (b *byteBPE) mergeShort(s *scratch) {
	s.next = s.next[:0]
	for i := 1; i < len(s.ids); i++ {
		s.next = append(s.next, b.of(s.ids[i-1], s.ids[i]))
	}
	for len(s.next) > 0 {
		best := 0
		for i, m := range s.next {
			if m.rank < s.next[best].rank {
				best = i
			}
		}
		if s.next[best].rank == unmergeable {
			return
		}
		s.ids[best] = s.next[best].id
		s.ids = append(s.ids[:best+1], s.ids[best+2:]...)
		s.next = append(s.next[:best], s.next[best+1:]...)
		if best > 0 {
			s.next[best-1] = b.of(s.ids[best-1], s.ids[best])
		}
		if best < len(s.next) {
			s.next[best] = b.of(s.ids[best], s.ids[best+1])
		}
	}
}
