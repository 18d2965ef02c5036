package tokenizer

import (
	"fmt"
	"slices"

	"bitmill/formats"
)

// adder gives added tokens their ids as Hugging Face's tokenizers library does: a token whose text is in the vocabulary
// or was added before has the id of that text; others count on from the end, in order. The id that a file claims does
// not matter. Adding a text again replaces its flags.
type adder struct {
	vocab map[string]int32 // ids of the vocabulary's tokens
	list  []jsonToken
	at    map[string]int // position in list, by text
	next  int32
}

func newAdder(vocab map[string]int32) *adder {
	return &adder{vocab: vocab, at: map[string]int{}, next: int32(len(vocab))}
}

// add adds a token and returns its id, -1 for a token without text.
func (a *adder) add(t jsonToken) int32 {
	if t.Content == "" {
		return -1
	}
	if i, ok := a.at[t.Content]; ok {
		t.ID = a.list[i].ID
		a.list[i] = t
		return t.ID
	}
	id, ok := a.vocab[t.Content]
	if !ok {
		id = a.next
	}
	a.next = max(a.next, id+1)
	t.ID = id
	a.at[t.Content] = len(a.list)
	a.list = append(a.list, t)
	return id
}

// addTokens replaces the added tokens of the file by those that transformers ends up with: the file's, then those of
// added_tokens_decoder (tokenizer_config.json, or else added_tokens.json), then the special tokens that the
// configuration names. It returns a sentence where the file claims other ids, "" where it does not.
func (f *jsonFile) addTokens() (warning string, err error) {
	named, err := readNamed(f.dir, f.usual)
	if err != nil {
		return "", err
	}
	a := newAdder(f.ids())
	moved, first := 0, ""
	for _, t := range f.AddedTokens {
		if t.Special = t.Special || named.names(t.Content); t.ID < 0 || t.ID >= mostTokens {
			return "", formats.Corruptf("tokenizer.json", -1, "added_tokens",
				"token %q has the id %d", t.Content, t.ID)
		}
		if id := a.add(t); id != t.ID && id >= 0 {
			if moved++; moved == 1 {
				first = fmt.Sprintf("%q is token %d, not %d", t.Content, id, t.ID)
			}
		}
	}
	for _, t := range named.decoder {
		if i, ok := a.at[t.Content]; !ok || !named.legacy {
			a.add(t)
		} else if t.Special {
			a.list[i].Special = true
		}
	}
	f.listed = len(a.list)
	for _, name := range slices.Concat(named.standard, named.extra) {
		if _, ok := a.at[name]; !ok {
			a.add(jsonToken{Content: name, Special: true})
		}
	}
	f.AddedTokens = a.list
	if moved > 0 {
		more := ""
		if moved > 1 {
			more = fmt.Sprintf(", and %d more differ", moved-1)
		}
		warning = fmt.Sprintf("tokenizer.json gives added tokens ids that Hugging Face's library does not follow: %s%s; "+
			"it goes by the text, or counts on from the end of the vocabulary, and so does bitmill", first, more)
	}
	return warning, nil
}
