package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// ggufModel is one of llama.cpp's kinds of vocabulary (tokenizer.ggml.model): the spelling of its tokens, the defaults
// for what the file does not say (-1: no such token), and the function that makes its model.
type ggufModel struct {
	name           string
	spelling       spelling
	bos, eos, unk  int32
	addBOS, addEOS bool
	make           func(*Tokenizer, *gguf.Metadata) error
}

var ggufModels = []ggufModel{
	{"gpt2", byteLevel, -1, -1, -1, false, false, (*Tokenizer).makeByteBPE},
	{"llama", underlined, 1, 2, 0, true, false, (*Tokenizer).makeScoreBPE},
	{"gemma4", underlined, -1, -1, -1, true, false, (*Tokenizer).makeCharBPE},
	{"whitespace", plainText, -1, -1, -1, false, false, (*Tokenizer).makeWhitespaceBPE},
	{"t5", underlined, -1, 1, 2, false, true, (*Tokenizer).makeUnigram},
	{"bert", phantom, 101, 102, 100, true, true, (*Tokenizer).makeWordPiece},
	{"rwkv", escaped, -1, -1, -1, false, false, (*Tokenizer).makeGreedy},
}

// readMerges reads the merges, without which there is no byte-pair encoding.
func readMerges(m *gguf.Metadata) ([][2]string, error) {
	merges, ok, err := m.Strings(keyMerges)
	if err == nil && !ok {
		err = fmt.Errorf("%w: a BPE vocabulary without merges (no %s)", formats.ErrUnsupported, keyMerges)
	}
	return cutMerges(merges), err
}

// readBool sets v to the value of a key, where the file has it.
func readBool(m *gguf.Metadata, key string, v *bool) error {
	given, ok, err := m.Bool(key)
	if ok && err == nil {
		*v = given
	}
	return err
}

// makeByteBPE makes GPT-2's model, or BPE over characters for the pre-tokenizers that imply it in llama.cpp.
func (t *Tokenizer) makeByteBPE(m *gguf.Metadata) error {
	pre, err := t.readPre(m)
	if err != nil {
		return err
	}
	if pre.underlined {
		t.spelling = underlined
		t.AddBOS = pre.addBOS
		return t.makeCharBPE(m)
	}
	merges, err := readMerges(m)
	if err != nil {
		return err
	}
	stages, err := splitters(pre.patterns...)
	if err != nil {
		return err
	}
	b := newByteBPE(t, merges, stages)
	if pre.ignoreMerges {
		b.setWords(t)
	}
	t.model, t.AddBOS = b, pre.addBOS
	return nil
}

// makeCharBPE makes byte-pair encoding over characters, with ▁ for a space and <0x0A> for other bytes (Gemma 4). Runs
// of line feeds are words, and stay whole where they are a token.
func (t *Tokenizer) makeCharBPE(m *gguf.Metadata) error {
	merges, err := readMerges(m)
	if err != nil {
		return err
	}
	lines, err := splitters(`[^\n]+|[\n]+`)
	if err != nil {
		return err
	}
	ids := t.byText()
	chars := &characters{ids: ids, fallback: true, byteID: byteTokens(ids), unk: t.unk, fuse: true}
	b := &bpe{stages: lines, chars: chars}
	b.setMerges(t, ids, merges, 0)
	b.words = map[string]int32{}
	for text, id := range ids {
		if text != "" && strings.Trim(text, "\n") == "" {
			b.words[text] = id
		}
	}
	b.cutWords(t)
	t.model, t.normalize = b, func(s string) string { return strings.ReplaceAll(s, " ", underline) }
	return nil
}

// makeWhitespaceBPE makes byte-pair encoding over characters of words between white space, which is lost.
func (t *Tokenizer) makeWhitespaceBPE(m *gguf.Metadata) error {
	merges, err := readMerges(m)
	if err != nil {
		return err
	}
	lower := false
	if err := readBool(m, keyLowercase, &lower); err != nil {
		return err
	}
	if lower {
		t.normalize = lowerCased
	}
	ids := t.byText()
	words := characterSplitter(unicode.IsSpace, removed)
	b := &bpe{stages: []splitter{words.split},
		chars: &characters{ids: ids, fallback: true, byteID: byteTokens(ids), unk: -1}}
	b.setMerges(t, ids, merges, 0)
	t.model, t.Pre = b, "whitespace"
	return nil
}

// makeScoreBPE makes SentencePiece's byte-pair encoding.
func (t *Tokenizer) makeScoreBPE(m *gguf.Metadata) error {
	scores, err := t.readScores(m)
	if err != nil {
		return err
	}
	t.leadingSpace = true
	if err := readBool(m, keyAddPrefix, &t.leadingSpace); err != nil {
		return err
	}
	t.model = newScoreBPE(t, scores, func(Kind) bool { return true })
	t.normalize = func(s string) string {
		if t.leadingSpace {
			s = " " + s
		}
		return strings.ReplaceAll(s, " ", underline)
	}
	return nil
}

// readScores reads the scores of the tokens; a file without scores gives zeros.
func (t *Tokenizer) readScores(m *gguf.Metadata) ([]float32, error) {
	scores := make([]float32, len(t.tokens))
	given, ok, err := m.Floats(keyScores)
	if err != nil || !ok {
		return scores, err
	}
	if len(given) < len(scores) {
		return nil, formats.Corruptf("GGUF vocabulary", -1, keyScores,
			"%d scores for %d tokens", len(given), len(scores))
	}
	for i := range scores {
		scores[i] = float32(given[i])
	}
	return scores, nil
}

// makeUnigram makes SentencePiece's unigram model.
func (t *Tokenizer) makeUnigram(m *gguf.Metadata) error {
	scores, err := t.readScores(m)
	if err != nil {
		return err
	}
	data, _, err := m.Ints(keyCharsmap)
	if err != nil {
		return err
	}
	raw := make([]byte, len(data))
	for i, v := range data {
		raw[i] = byte(v)
	}
	c, err := parseCharsmap(raw)
	if err != nil {
		return err
	}
	o := spaces{prefix: true, merge: false}
	if err := readBool(m, keyAddPrefix, &o.prefix); err != nil {
		return err
	}
	if err := readBool(m, keyExtraSpaces, &o.merge); err != nil {
		return err
	}
	t.leadingSpace = o.prefix
	t.normalize = o.normalizer(c)
	t.model = newUnigram(t, scores)
	return nil
}

// makeWordPiece makes BERT's model. llama.cpp writes ▁ before tokens that begin a word, and continuations as they are.
func (t *Tokenizer) makeWordPiece(m *gguf.Metadata) error {
	n := bertNormalizer{clean: true, chinese: true, lower: true}
	if err := readBool(m, keyLowercase, &n.lower); err != nil {
		return err
	}
	n.stripMarks = n.lower
	if err := readBool(m, keyStripAccents, &n.stripMarks); err != nil {
		return err
	}
	var start, rest []word
	for id, text := range t.tokens {
		if text == "" {
			continue
		}
		if begin, ok := strings.CutPrefix(text, underline); ok {
			start = append(start, word{begin, int32(id)})
		}
		rest = append(rest, word{text, int32(id)})
	}
	t.model = &wordPiece{stages: []splitter{splitBERT}, start: newTrie(start), rest: newTrie(rest), unk: t.unk}
	t.normalize, t.leadingSpace = n.apply, true
	return nil
}

// makeGreedy makes RWKV's model.
func (t *Tokenizer) makeGreedy(*gguf.Metadata) error {
	var words []word
	for id, text := range t.tokens {
		if text = unescape(text); text != "" {
			words = append(words, word{text, int32(id)})
		}
	}
	t.model = &greedy{newTrie(words), t.unk}
	return nil
}

// findModel returns the kind of vocabulary of a name.
func findModel(name string) (ggufModel, bool) {
	i := slices.IndexFunc(ggufModels, func(g ggufModel) bool { return g.name == name })
	if i < 0 {
		return ggufModel{}, false
	}
	return ggufModels[i], true
}
