package tokenizer

import "unicode/utf8"

// wordPiece is BERT's model: the longest token that a word begins with, then the longest continuation, and so on; a
// word with a rest that no token begins is unknown.
type wordPiece struct {
	stages      []splitter
	start, rest *trie
	unk         int32
	longest     int // words of more characters are unknown; 0: no limit
}

func (w *wordPiece) appendIDs(ids []int32, text string) []int32 {
	splitAll(w.stages, text, func(word string) { ids = w.appendWord(ids, word) })
	return ids
}

func (w *wordPiece) appendWord(ids []int32, word string) []int32 {
	before := len(ids)
	if w.longest == 0 || utf8.RuneCountInString(word) <= w.longest {
		tokens := w.start
		for {
			id, n, ok := tokens.longest(word)
			if !ok {
				break
			}
			ids = append(ids, id)
			if word = word[n:]; word == "" {
				return ids
			}
			tokens = w.rest
		}
	}
	ids = ids[:before]
	if w.unk >= 0 {
		ids = append(ids, w.unk)
	}
	return ids
}
