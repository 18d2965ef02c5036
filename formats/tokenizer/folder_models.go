package tokenizer

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// bpe makes byte-pair encoding over bytes, or over characters where nothing turns text into bytes.
func (f *jsonFile) bpe(t *Tokenizer, pre cut) (describe, error) {
	prefix, suffix := textOr(f.Model.ContinuingSubwordPrefix, ""), textOr(f.Model.EndOfWordSuffix, "")
	if f.Model.Dropout != nil && *f.Model.Dropout != 0 {
		t.warn(fmt.Sprintf("tokenizer.json asks for a BPE dropout of %g; bitmill encodes without dropout",
			*f.Model.Dropout))
	}
	merges := f.merges
	if pre.byteLevel {
		if prefix != "" || suffix != "" {
			return nil, fmt.Errorf("%w: byte-level BPE with marks at the ends of words (continuing_subword_prefix, "+
				"end_of_word_suffix)", formats.ErrUnsupported)
		}
		b := newByteBPE(t, merges, pre.stages)
		t.model = b
		if f.Model.IgnoreMerges {
			b.setWords(t)
		}
		t.choosePre(b, pre.patterns, f.Model.IgnoreMerges)
		t.tellUnwritten()
		return f.describeByteBPE(t, merges), nil
	}
	t.spelling = plainText
	if pre.metaspace || f.Model.ByteFallback {
		t.spelling = underlined
	}
	ids := f.ids()
	if id, ok := ids[f.Model.UnkToken]; ok && f.Model.UnkToken != "" {
		t.unk = id
	}
	f.markBytes(t)
	t.leadingSpace = t.spelling == underlined && f.prefixed(t, pre)
	chars := &characters{ids: ids, prefix: prefix, suffix: suffix, fallback: f.Model.ByteFallback,
		byteID: byteTokens(ids), unk: t.unk, fuse: f.Model.FuseUnk}
	b := &bpe{stages: pre.stages, chars: chars}
	b.setMerges(t, ids, merges, len(prefix))
	if f.Model.IgnoreMerges {
		b.words = ids
	}
	b.cutWords(t)
	t.model = b
	return f.describeCharBPE(t, merges), nil
}

// unigram makes SentencePiece's unigram model. Every entry of the vocabulary takes part; unknown characters score 10
// less than the lowest of them.
func (f *jsonFile) unigram(t *Tokenizer, pre cut) (describe, error) {
	t.spelling = underlined
	if id := f.Model.UnkID; id != nil && *id >= 0 && int(*id) < len(f.vocab) {
		t.unk = *id
		t.kinds[*id] = Unknown
	}
	u := &unigram{stages: pre.stages, unk: t.unk, fallback: f.Model.ByteFallback, whole: f.ids(),
		scores: make([]float64, len(t.tokens))}
	u.byteID = byteTokens(u.whole)
	f.markBytes(t)
	words := make([]word, 0, len(f.vocab))
	for i, e := range f.vocab {
		u.scores[e.id] = e.score
		if i == 0 || e.score < u.unkScore {
			u.unkScore = e.score
		}
		if e.text != "" {
			words = append(words, word{e.text, e.id})
		}
	}
	u.unkScore -= unknownPenalty
	u.tokens = newTrie(words)
	t.model, t.leadingSpace = u, f.prefixed(t, pre)
	return f.describeUnigram(t), nil
}

// wordPiece makes BERT's model.
func (f *jsonFile) wordPiece(t *Tokenizer, pre cut) (describe, error) {
	t.spelling, t.leadingSpace = hashed, true
	prefix := textOr(f.Model.ContinuingSubwordPrefix, "##")
	if prefix != "##" {
		return nil, fmt.Errorf("%w: WordPiece with %q before continuations", formats.ErrUnsupported, prefix)
	}
	w := &wordPiece{stages: pre.stages, longest: 100, unk: -1}
	if f.Model.MaxInputChars != nil {
		w.longest = *f.Model.MaxInputChars
	}
	var start, rest []word
	for _, e := range f.vocab {
		if e.text == f.Model.UnkToken {
			w.unk = e.id
		}
		if e.text != "" {
			start = append(start, word{e.text, e.id})
		}
		if more, ok := strings.CutPrefix(e.text, prefix); ok && more != "" {
			rest = append(rest, word{more, e.id})
		}
	}
	w.start, w.rest, t.unk = newTrie(start), newTrie(rest), w.unk
	t.model = w
	return f.describeWordPiece(t), nil
}

// ids maps the vocabulary's tokens to their ids, without added tokens.
func (f *jsonFile) ids() map[string]int32 {
	ids := make(map[string]int32, len(f.vocab))
	for _, e := range f.vocab {
		ids[e.text] = e.id
	}
	return ids
}

// markBytes sets the kind of the tokens of bytes.
func (f *jsonFile) markBytes(t *Tokenizer) {
	if !f.Model.ByteFallback {
		return
	}
	for _, e := range f.vocab {
		if _, ok := byteOf(e.text); ok && t.kinds[e.id] == Normal {
			t.kinds[e.id] = Byte
		}
	}
}

// prefixed reports whether a space is put before a text, by trying one.
func (f *jsonFile) prefixed(t *Tokenizer, pre cut) bool {
	text := "a"
	if t.normalize != nil {
		text = t.normalize(text)
	}
	first := ""
	splitAll(pre.stages, text, func(s string) {
		if first == "" {
			first = s
		}
	})
	return t.firstMark || strings.HasPrefix(first, underline)
}

// byteTokens finds the tokens of the bytes, -1 where there is none.
func byteTokens(ids map[string]int32) (byteID [256]int32) {
	for b := range byteID {
		byteID[b] = -1
		if id, ok := ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			byteID[b] = id
		}
	}
	return byteID
}

func textOr(s *string, other string) string {
	if s == nil {
		return other
	}
	return *s
}
