package tokenizer

import (
	"math"
	"sync"
	"unicode/utf8"
)

// unigram is SentencePiece's unigram model (Kudo 2018): of all ways to write a text with tokens, the one with the
// highest sum of scores (log probabilities), found from left to right (Viterbi). A character that is not a token can be
// unknown, at a score of 10 less than the lowest.
type unigram struct {
	stages   []splitter
	tokens   *trie
	scores   []float64
	unk      int32
	unkScore float64
	byteID   [256]int32       // the tokens of the bytes of unknown characters, used where all bytes have one
	fallback bool             // unknown characters are written as their bytes
	whole    map[string]int32 // tokens that a run of unknown characters can be (Hugging Face's library); may be nil
	pool     sync.Pool        // of *viterbi
}

// unknownPenalty is the difference in score between the worst token and an unknown character.
const unknownPenalty = 10

// viterbi is the memory of one text: for every offset the best way to reach it.
type viterbi struct {
	score []float64
	from  []int32 // where the last token of the way starts
	id    []int32
	way   []int32 // the offsets of the best way, from the end
	ids   []int32
	cache wordCache
}

// newUnigram makes the model of a vocabulary: normal tokens at their scores, user-defined ones at 0.
func newUnigram(t *Tokenizer, scores []float32) *unigram {
	u := &unigram{scores: make([]float64, len(scores)), unk: t.unk, unkScore: math.Inf(1)}
	var words []word
	for id, text := range t.tokens {
		switch t.kinds[id] {
		case Normal:
			u.scores[id] = float64(scores[id])
			u.unkScore = min(u.unkScore, u.scores[id])
		case UserDefined, Unused:
		default:
			continue
		}
		if text != "" {
			words = append(words, word{text, int32(id)})
		}
	}
	u.unkScore -= unknownPenalty
	u.tokens = newTrie(words)
	return u
}

func (u *unigram) appendIDs(ids []int32, text string) []int32 {
	v, _ := u.pool.Get().(*viterbi)
	if v == nil {
		v = &viterbi{}
	}
	defer u.pool.Put(v)
	splitAll(u.stages, text, func(word string) {
		known, ok := v.cache.get(word)
		if !ok {
			known = u.best(word, v)
			v.cache.put(word, known)
		}
		ids = append(ids, known...)
	})
	return ids
}

// best returns the ids of a word, in memory of v.
func (u *unigram) best(word string, v *viterbi) []int32 {
	v.score, v.from, v.id = resize(v.score, len(word)+1), resize(v.from, len(word)+1), resize(v.id, len(word)+1)
	for i := range v.score {
		v.score[i], v.from[i] = math.Inf(-1), -1
	}
	v.score[0] = 0
	reach := func(from, to int, id int32, score float64) {
		if score += v.score[from]; v.from[to] < 0 || score > v.score[to] {
			v.score[to], v.from[to], v.id[to] = score, int32(from), id
		}
	}
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		single := false
		node := int32(0)
		for j := i; j < len(word); j++ {
			if node = u.tokens.step(node, word[j]); node < 0 {
				break
			}
			if id := u.tokens.id[node]; id >= 0 {
				single = single || j+1-i == n
				reach(i, j+1, id, u.scores[id])
			}
		}
		if !single {
			reach(i, i+n, -1, u.unkScore)
		}
		i += n
	}
	return u.backtrack(word, v)
}

// backtrack collects the tokens of the best way; a run of unknown characters is one.
func (u *unigram) backtrack(word string, v *viterbi) []int32 {
	v.way, v.ids = v.way[:0], v.ids[:0]
	for at := int32(len(word)); at >= 0; at = v.from[at] {
		v.way = append(v.way, at)
	}
	for k := len(v.way) - 1; k > 0; k-- {
		from, to := v.way[k], v.way[k-1]
		if v.id[to] >= 0 {
			v.ids = append(v.ids, v.id[to])
			continue
		}
		for k > 1 && v.id[v.way[k-2]] < 0 {
			k--
			to = v.way[k-1]
		}
		v.ids = u.appendUnknown(v.ids, word[from:to])
	}
	return v.ids
}

// appendUnknown appends the tokens of a run of unknown characters.
func (u *unigram) appendUnknown(ids []int32, text string) []int32 {
	if id, ok := u.whole[text]; ok {
		return append(ids, id)
	}
	if u.fallback && hasBytes(&u.byteID, text) {
		for i := range len(text) {
			ids = append(ids, u.byteID[text[i]])
		}
	} else if u.unk >= 0 {
		ids = append(ids, u.unk)
	}
	return ids
}

// hasBytes reports whether every byte of text has a token.
func hasBytes(byteID *[256]int32, text string) bool {
	for i := range len(text) {
		if byteID[text[i]] < 0 {
			return false
		}
	}
	return true
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
