package tokenizer

import (
	"fmt"
	"maps"
	"slices"

	"bitmill/formats"
)

// cutToRows leaves out tokens without a row of the embedding and says so. A token that merges make must have a row:
// without it words would come out in other pieces than the model was trained with.
func (f *jsonFile) cutToRows() (sentence string, err error) {
	size := f.size()
	if f.dir.has(int32(size - 1)) {
		return "", nil
	}
	rowless := map[int]string{}
	kept := make([]jsonToken, 0, len(f.AddedTokens))
	listed := 0
	for i, a := range f.AddedTokens {
		if !f.dir.has(a.ID) {
			rowless[int(a.ID)] = a.Content
			continue
		}
		kept = append(kept, a)
		if i < f.listed {
			listed++
		}
	}
	f.AddedTokens, f.listed = kept, listed
	made := map[string]bool{}
	for _, p := range f.merges {
		made[p[0]+p[1]] = true
	}
	vocab := make([]entry, 0, len(f.vocab))
	for _, e := range f.vocab {
		if f.dir.has(e.id) {
			vocab = append(vocab, e)
			continue
		}
		if made[e.text] && rowless[int(e.id)] == "" {
			return "", fmt.Errorf("%w: the tokenizer has %d tokens, the model's embedding %d rows, and token %d, %q, is one "+
				"that words are merged from: the tokenizer is another model's; put the right one into the folder",
				formats.ErrCorrupt, size, f.dir.Rows, e.id, e.text)
		}
		rowless[int(e.id)] = e.text
	}
	f.vocab = vocab
	return rowlessTokens(rowless, f.dir.Rows), nil
}

// size is the number of ids.
func (f *jsonFile) size() int {
	top := int32(-1)
	for _, e := range f.vocab {
		top = max(top, e.id)
	}
	for _, a := range f.AddedTokens {
		top = max(top, a.ID)
	}
	return int(top) + 1
}

// rowlessTokens says which tokens are left out; "" for none.
func rowlessTokens(tokens map[int]string, rows int) string {
	if len(tokens) == 0 {
		return ""
	}
	first := slices.Min(slices.Collect(maps.Keys(tokens)))
	what := fmt.Sprintf("token %d, %q, has no row", first, tokens[first])
	if n := len(tokens); n > 1 {
		what = fmt.Sprintf("%d tokens, the first of them %d, %q, have no row", n, first, tokens[first])
	}
	return fmt.Sprintf("%s in the embedding of %d and cannot be used by the model: left out of the vocabulary, as "+
		"llama.cpp's converter does", what, rows)
}
