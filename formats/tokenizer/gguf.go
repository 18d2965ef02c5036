package tokenizer

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// FromMetadata reads the vocabulary of a GGUF file: byte-level BPE, SentencePiece's BPE and unigram models, WordPiece
// and RWKV's. Other kinds, and pre-tokenizers that bitmill has no patterns for, give formats.ErrUnsupported.
func FromMetadata(m *gguf.Metadata) (*Tokenizer, error) {
	name, ok, err := m.String(keyModel)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: a GGUF file without a vocabulary (no %s)", formats.ErrUnsupported, keyModel)
	}
	g, ok := findModel(name)
	if !ok {
		return nil, fmt.Errorf("%w: a vocabulary of the type %s %q", formats.ErrUnsupported, keyModel, name)
	}
	t := &Tokenizer{BOS: g.bos, EOS: g.eos, unk: g.unk, AddBOS: g.addBOS, AddEOS: g.addEOS, spelling: g.spelling}
	if err := t.readTokens(m); err != nil {
		return nil, err
	}
	if err := t.readIDs(m, g); err != nil {
		return nil, err
	}
	if err := g.make(t, m); err != nil {
		return nil, err
	}
	if err := t.readAdded(m, g); err != nil {
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
		t.warn("the GGUF file names no pre-tokenizer (" + keyPre + "); llama.cpp's default is used, which may not be " +
			"the model's")
	}
	pre, ok := findPre(name)
	if !ok {
		names := make([]string, len(preTokenizers))
		for i, p := range preTokenizers {
			names[i] = p.name
		}
		return pre, fmt.Errorf("%w: the pre-tokenizer %q (%s) is not known%s", formats.ErrUnsupported, name, keyPre,
			formats.Suggest(name, names))
	}
	t.Pre = name
	return pre, nil
}

// readTokens reads tokens and kinds. Tokens whose text makes them special for llama.cpp become Control here too.
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
	has := func(text string) bool { return slices.Contains(tokens, text) }
	if has("<|return|>") && has("<|call|>") || has("<|calls|>") && has("<|flush|>") {
		shown = append(slices.Clone(shown), "<|end|>")
	}
	stripped := strippedTokens(m)
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
			added = append(added, addedToken{id: int32(id), text: text, special: kind != UserDefined,
				rstrip: stripped(text)})
		}
	}
	t.setAdded(added)
	return nil
}

// strippedTokens returns which added tokens the white space after them belongs to. The file does not say so, but it is
// so for Phi 3, which llama.cpp recognizes by the model's name.
func strippedTokens(m *gguf.Metadata) func(text string) bool {
	name, _, _ := m.String("general.name") // one of another type does not count
	name = strings.ToLower(name)
	phi3 := strings.Contains(name, "phi-3") || strings.Contains(name, "phi3")
	return func(text string) bool { return phi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>" }
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

// shownTokens are gpt-oss's marks of channels, which llama.cpp treats as ordinary added text; <|end|> too where other
// tokens end a turn.
var shownTokens = []string{"<|channel|>", "<|constrain|>", "<|message|>", "<|start|>"}

// readIDs reads the special tokens. WordPiece ends a text with the separator.
func (t *Tokenizer) readIDs(m *gguf.Metadata, g ggufModel) error {
	end := keyEOS
	if g.spelling == phantom {
		end = keySep
	}
	for _, e := range []struct {
		key string
		id  *int32
	}{{keyBOS, &t.BOS}, {end, &t.EOS}, {keyUnk, &t.unk}} {
		if int(*e.id) >= len(t.tokens) {
			*e.id = -1
		}
		id, ok, err := m.Uint(e.key)
		if err != nil {
			return err
		}
		if ok && id < uint64(len(t.tokens)) {
			*e.id = int32(id)
		} else if ok {
			t.warn(fmt.Sprintf("%s is %d, which is not in the vocabulary; %d is used instead (-1: none)",
				e.key, id, *e.id))
		}
	}
	return nil
}

// readAdded reads which tokens are put around a text. WordPiece's are always added, and so is Gemma 4's BOS.
func (t *Tokenizer) readAdded(m *gguf.Metadata, g ggufModel) error {
	for _, e := range []struct {
		key string
		add *bool
		id  int32
	}{{keyAddBOS, &t.AddBOS, t.BOS}, {keyAddEOS, &t.AddEOS, t.EOS}} {
		add, ok, err := m.Bool(e.key)
		if err != nil {
			return err
		}
		if ok && g.spelling != phantom {
			*e.add = add
		}
		if e.key == keyAddBOS && (g.name == "gemma4" || t.Pre == "granite-embed-multi-311m") {
			*e.add = true
		}
		if *e.add && e.id < 0 {
			*e.add = false
			t.warn("the GGUF file asks for a token around every text (" + e.key + ") but names none; none is added")
		}
	}
	return nil
}
