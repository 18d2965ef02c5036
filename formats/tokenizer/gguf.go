package tokenizer

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// FromMetadata reads the vocabulary of a GGUF file. It fails with ErrUnsupported for vocabularies that are not
// byte-level BPE (tokenizer.ggml.model "gpt2") and for pre-tokenizers without an entry in preTokenizers.
func FromMetadata(m *gguf.Metadata) (*Tokenizer, error) {
	kind, ok, err := m.String(keyModel)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("%w: a GGUF file without a vocabulary (no %s)", formats.ErrUnsupported, keyModel)
	case kind == "llama" || kind == "gemma4":
		return nil, fmt.Errorf("%w: a SentencePiece vocabulary (%s %q)", formats.ErrUnsupported, keyModel, kind)
	case kind != "gpt2":
		return nil, fmt.Errorf("%w: a vocabulary of the type %s %q", formats.ErrUnsupported, keyModel, kind)
	}
	t := &Tokenizer{BOS: -1, EOS: -1}
	pre, err := t.readPre(m)
	if err != nil {
		return nil, err
	}
	if err := t.readTokens(m); err != nil {
		return nil, err
	}
	merges, ok, err := m.Strings(keyMerges)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: a byte-level vocabulary without merges (no %s)", formats.ErrUnsupported, keyMerges)
	}
	var stages []splitter
	for _, pattern := range pre.patterns {
		s, err := newSplitter(pattern)
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	bpe := newByteBPE(t, merges, stages)
	if pre.ignoreMerges {
		bpe.setWords(t)
	}
	t.model = bpe
	if err := t.readSpecial(m, pre); err != nil {
		return nil, err
	}
	for _, key := range m.Keys() {
		if v, ok := m.Get(key); ok && strings.HasPrefix(key, "tokenizer.") {
			t.metadata = append(t.metadata, keyValue{key, v})
		}
	}
	return t, nil
}

// readPre finds the pre-tokenizer; a file without a name gets llama.cpp's default.
func (t *Tokenizer) readPre(m *gguf.Metadata) (preTokenizer, error) {
	name, ok, err := m.String(keyPre)
	if err != nil {
		return preTokenizer{}, err
	}
	if !ok || name == "" {
		name = "default"
		t.warn("the GGUF file names no pre-tokenizer (" + keyPre + "); llama.cpp's default is used, which may not be the model's")
	}
	pre, ok := findPre(name)
	if !ok {
		names := make([]string, len(preTokenizers))
		for i, p := range preTokenizers {
			names[i] = p.name
		}
		return pre, fmt.Errorf("%w: the pre-tokenizer %q (%s); the nearest known one is %q", formats.ErrUnsupported, name, keyPre, formats.Nearest(name, names))
	}
	t.Pre = name
	return pre, nil
}

// readTokens reads tokens and kinds. Tokens that llama.cpp takes for special ones by their text become Control here too.
func (t *Tokenizer) readTokens(m *gguf.Metadata) error {
	tokens, _, err := m.Strings(keyTokens)
	if err != nil {
		return err
	}
	if len(tokens) == 0 || len(tokens) > mostTokens {
		return formats.Corruptf("GGUF vocabulary", -1, keyTokens, "%d tokens", len(tokens))
	}
	kinds, given, err := m.Ints(keyTypes)
	if err != nil {
		return err
	}
	if given && len(kinds) < len(tokens) {
		return formats.Corruptf("GGUF vocabulary", -1, keyTypes, "%d types for %d tokens", len(kinds), len(tokens))
	}
	t.tokens, t.kinds = slices.Clone(tokens), make([]Kind, len(tokens))
	shown := shownTokens
	if has := func(text string) bool { return slices.Contains(tokens, text) }; has("<|return|>") && has("<|call|>") || has("<|calls|>") && has("<|flush|>") {
		shown = append(slices.Clone(shown), "<|end|>")
	}
	var added []addedToken
	for id, text := range tokens {
		kind := Normal
		if given {
			kind = Kind(kinds[id])
		}
		switch {
		case text == "":
			kind = Unused
		case slices.Contains(shown, text):
			kind = UserDefined
		case kind != Control && slices.Contains(controlTokens, text):
			kind = Control
		}
		t.kinds[id] = kind
		if kind == Control || kind == UserDefined || kind == Unknown {
			added = append(added, addedToken{id: int32(id), text: text, special: kind != UserDefined})
		}
	}
	t.setAdded(added)
	return nil
}

// controlTokens are tokens that llama.cpp treats as special whatever type the file gives them: ends of turns and texts,
// and the marks of fill-in-the-middle. Sorted.
var controlTokens = []string{
	"</s>", "<EOT>", "<MID>", "<PAD>", "<PRE>", "<REPO>", "<SUF>", "<end_of_turn>", "<end_of_utterance>", "<eos>",
	"<fim-middle>", "<fim-pad>", "<fim-prefix>", "<fim-repo>", "<fim-suffix>", "<fim_middle>", "<fim_pad>", "<fim_prefix>",
	"<fim_suffix>", "<reponame>", "<turn|>", "<|call|>", "<|calls|>", "<|code_middle|>", "<|code_prefix|>",
	"<|code_suffix|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "<|eom_id|>", "<|eot_id|>", "<|file_sep|>",
	"<|fim_middle|>", "<|fim_pad|>", "<|fim_prefix|>", "<|fim_repo|>", "<|fim_suffix|>", "<|flush|>", "<|im_end|>",
	"<|middle|>", "<|prefix|>", "<|repo_name|>", "<|return|>", "<|suffix|>", "<|tool_response>", "<｜end▁of▁sentence｜>",
	"<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜fim▁hole｜>", "[EOS]", "[EOT]", "[PAD]", "[e~[", "_<EOT>", "▁<MID>", "▁<PRE>", "▁<SUF>",
}

// shownTokens are gpt-oss's marks of channels, which llama.cpp treats as ordinary added text; so it does <|end|> where
// other tokens end a turn.
var shownTokens = []string{"<|channel|>", "<|constrain|>", "<|message|>", "<|start|>"}

// readSpecial reads which tokens begin and end a text.
func (t *Tokenizer) readSpecial(m *gguf.Metadata, pre preTokenizer) error {
	for _, e := range []struct {
		key string
		id  *int32
	}{{keyBOS, &t.BOS}, {keyEOS, &t.EOS}} {
		id, ok, err := m.Uint(e.key)
		if err != nil {
			return err
		}
		if ok && id < uint64(len(t.tokens)) {
			*e.id = int32(id)
		} else if ok {
			t.warn(fmt.Sprintf("%s is %d, which is not in the vocabulary; there is no such token", e.key, id))
		}
	}
	t.AddBOS = pre.addBOS
	for _, e := range []struct {
		key string
		add *bool
	}{{keyAddBOS, &t.AddBOS}, {keyAddEOS, &t.AddEOS}} {
		add, ok, err := m.Bool(e.key)
		if err != nil {
			return err
		}
		if ok {
			*e.add = add
		}
	}
	if t.AddBOS && t.BOS < 0 {
		t.AddBOS = false
		t.warn("the GGUF file wants BOS added but names no such token (" + keyBOS + "); none is added, where llama.cpp would add token 11")
	}
	return nil
}
