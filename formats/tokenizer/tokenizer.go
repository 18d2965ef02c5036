// Package tokenizer turns text into token ids and back. It knows a tokenizer from its own description (tokenizer.json,
// tokenizer.model) or from a GGUF vocabulary, never from a list of known models.
//
// Encoding has four steps, in Hugging Face's order: added tokens are found and taken out (added_tokens.go), the text
// between them is normalized (normalizer.go) and cut into words (pre_tokenizer.go), and the model encodes each word.
// There is a file per model: bpe.go (byte-pair encoding over bytes or characters), spm.go (SentencePiece's, by scores),
// unigram.go, wordpiece.go, rwkv.go.
package tokenizer

import "strings"

// Tokenizer encodes and decodes. Several goroutines may use it as long as its fields do not change.
type Tokenizer struct {
	Pre            string   // llama.cpp's pre-tokenizer (tokenizer.ggml.pre), the nearest one if Warnings says so
	AddBOS, AddEOS bool     // whether Encode adds BOS and EOS
	BOS, EOS       int32    // -1: none
	Warnings       []string // sentences about what differs from the description

	tokens       []string // text by id, in the vocabulary's own spelling
	kinds        []Kind
	spelling     spelling
	model        model
	normalize    func(string) string // nil: none
	prefixSpace  bool                // a text that does not start with a space gets one
	firstMark    bool                // the beginning of a text gets a ▁, unless it has one (Metaspace, "first")
	leadingSpace bool                // Decode drops the space before a text
	unk          int32               // -1: none
	raw, cooked  [2]*finder          // of added tokens, before and after normalization; [1] with special ones
	metadata     []keyValue          // tokenizer.* of a GGUF file, in its order
	describe     describe            // makes the metadata of a tokenizer from a folder
	bosSaid      bool                // the folder says whether BOS is added
}

// keyValue is one pair of GGUF metadata.
type keyValue struct {
	key   string
	value any
}

// A model encodes text that holds no added tokens.
type model interface {
	appendIDs(ids []int32, text string) []int32
}

// Options are for special tokens. The zero value does what llama.cpp's perplexity and imatrix tools do: BOS and EOS are
// added if the vocabulary says so, and special tokens in the text are plain text. Added tokens that are not special are
// always found. Hugging Face's tokenizers find special ones too (ParseSpecial).
type Options struct {
	NoSpecial    bool // add no BOS and EOS, and parse no special tokens in the text
	ParseSpecial bool // find special tokens in the text
}

// Encode returns the ids of text. A byte that is not UTF-8 counts as a character of its own and is encoded as itself.
func (t *Tokenizer) Encode(text string, o Options) []int32 {
	ids := make([]int32, 0, len(text)/3+2)
	if t.AddBOS && !o.NoSpecial && t.BOS >= 0 {
		ids = append(ids, t.BOS)
	}
	which := 0
	if o.ParseSpecial && !o.NoSpecial {
		which = 1
	}
	begin := t.firstMark
	added := func(id int32) { ids, begin = append(ids, id), false }
	encode := func(s string) {
		switch {
		case t.prefixSpace && s[0] != ' ', begin && s[0] != ' ' && !strings.HasPrefix(s, underline):
			s = " " + s
		}
		begin = false
		ids = t.model.appendIDs(ids, s)
	}
	t.raw[which].split(text, func(s string) {
		if t.normalize != nil {
			s = t.normalize(s)
		}
		t.cooked[which].split(s, encode, added)
	}, added)
	if t.AddEOS && !o.NoSpecial && t.EOS >= 0 {
		ids = append(ids, t.EOS)
	}
	return ids
}

// Vocab is the number of ids, with those that have no token.
func (t *Tokenizer) Vocab() int { return len(t.tokens) }

// Token returns the text of an id in the vocabulary's own spelling (Ġ for a space in byte-level BPE) and its kind; ok
// is false outside the vocabulary.
func (t *Tokenizer) Token(id int32) (text string, kind Kind, ok bool) {
	if id < 0 || int(id) >= len(t.tokens) {
		return "", 0, false
	}
	return t.tokens[id], t.kinds[id], true
}

// setAdded builds the finders.
func (t *Tokenizer) setAdded(tokens []addedToken) {
	for which := range 2 {
		var before, after []addedToken
		for _, a := range tokens {
			switch {
			case a.special && which == 0:
			case a.normalized && t.normalize != nil:
				a.text = t.normalize(a.text)
				after = append(after, a)
			case a.normalized:
				after = append(after, a)
			default:
				before = append(before, a)
			}
		}
		t.raw[which], t.cooked[which] = newFinder(before), newFinder(after)
	}
}

// warn adds a sentence to the warnings.
func (t *Tokenizer) warn(sentence string) { t.Warnings = append(t.Warnings, sentence) }
