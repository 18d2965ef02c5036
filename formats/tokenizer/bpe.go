package tokenizer

import "sync"

// bpe is byte-pair encoding. Splitters cut the text into words, and each symbol of a word becomes a token. Then the
// neighbours whose pair has the lowest rank are merged, the leftmost first, until no two neighbours have a rank.
// Symbols are bytes (GPT-2; those without a token are dropped, as in llama.cpp and Hugging Face's library) or
// characters.
type bpe struct {
	stages []splitter
	byteID [256]int32       // the token of a byte, -1 when there is none
	chars  *characters      // nil: symbols are bytes
	merges map[uint64]merge // by pair
	words  map[string]int32 // tokens by their bytes, where a word that is a token stays whole (ignore_merges); else nil
	pool   sync.Pool        // of *scratch
}

// merge is the token that a pair becomes, and its rank: lower ranks are merged first.
type merge struct{ rank, id int32 }

// pair is the key of two neighbouring tokens.
func pair(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// scratch is the memory of one Encode at a time.
type scratch struct {
	cache wordCache
	ids   []int32
	next  []merge // short words: the merge of ids[i] and ids[i+1]
	links []link  // long words
	queue queue
}

// shortWord is the number of tokens up to which a linear search is faster than the queue.
const shortWord = 48

// appendIDs appends the ids of a text without added tokens.
func (b *bpe) appendIDs(ids []int32, text string) []int32 {
	s, _ := b.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{}
	}
	defer b.pool.Put(s)
	splitAll(b.stages, text, func(word string) { ids = b.appendWord(ids, word, s) })
	return ids
}

// appendWord appends the ids of one word.
func (b *bpe) appendWord(ids []int32, word string, s *scratch) []int32 {
	known, ok := s.cache.get(word)
	if !ok {
		known = b.merge(word, s)
		s.cache.put(word, known)
	}
	return append(ids, known...)
}

// merge returns the ids of a word, in memory of s.
func (b *bpe) merge(word string, s *scratch) []int32 {
	s.ids = s.ids[:0]
	if id, ok := b.words[word]; ok {
		s.ids = append(s.ids, id)
		return s.ids
	}
	if b.chars != nil {
		s.ids = b.chars.appendSymbols(s.ids, word)
	} else {
		for i := range len(word) {
			s.ids = append(s.ids, b.byteID[word[i]])
		}
	}
	if len(s.ids) == 0 {
		return nil
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

// unmergeable is the rank of a pair without a merge.
const unmergeable = 1<<31 - 1

// of is the merge of two neighbours.
func (b *bpe) of(left, right int32) merge {
	if m, ok := b.merges[pair(left, right)]; ok {
		return m
	}
	return merge{rank: unmergeable}
}

// mergeShort merges s.ids in place: n merges, each after a search through all neighbours.
func (b *bpe) mergeShort(s *scratch) {
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
