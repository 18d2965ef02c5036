package tokenizer

import "strings"

// wordCache keeps the ids of words that were encoded before, because the words of a text repeat. The zero value is
// ready.
type wordCache struct {
	known map[string][]int32
	arena []int32 // memory of the ids
}

const (
	cachedBytes = 32      // longer words are not worth keeping
	cachedWords = 1 << 16 // the cache is emptied when it has this many
)

// get returns the ids of a word in the cache.
func (c *wordCache) get(word string) ([]int32, bool) {
	ids, ok := c.known[word]
	return ids, ok
}

// put keeps a copy of the ids of a word, unless the word is long.
func (c *wordCache) put(word string, ids []int32) {
	if len(word) > cachedBytes {
		return
	}
	if c.known == nil || len(c.known) >= cachedWords {
		c.known, c.arena = make(map[string][]int32), nil
	}
	if cap(c.arena)-len(c.arena) < len(ids) {
		c.arena = make([]int32, 0, 4096)
	}
	start := len(c.arena)
	c.arena = append(c.arena, ids...)
	c.known[strings.Clone(word)] = c.arena[start:len(c.arena):len(c.arena)]
}
