package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// class is a tokenizer class of transformers that brings its own pre-tokenizer, whatever tokenizer.json says.
type class struct {
	name    string
	pattern string // "" is for GPT-2's
	digits  bool   // every digit is a word of its own
	nfc     bool
	usual   map[string]string // special tokens where tokenizer_config.json does not name them
}

// classes are those with byte-level BPE (models/*/tokenization_*.py of transformers 5).
var classes = []class{
	{"Qwen2Tokenizer", qwen2, false, true, usualTokens("unk", "eos", "pad")},
	{"Qwen3_5Tokenizer", qwen35, false, true, usualTokens("unk", "eos", "pad")},
	{"GPT2Tokenizer", "", false, false, usualTokens("unk", "bos", "eos")},
	{"CodeGenTokenizer", "", false, false, usualTokens("unk", "bos", "eos")},
	{"GPTNeoXTokenizer", "", false, true, usualTokens("unk", "bos", "eos")},
	{"CohereTokenizer", "", true, true, nil},
}

// usualTokens names <|endoftext|> for types of special tokens.
func usualTokens(types ...string) map[string]string {
	m := map[string]string{}
	for _, typ := range types {
		m[typ+"_token"] = "<|endoftext|>"
	}
	return m
}

// classOfType is the class of a model type (config.json) whose tokenizer_config.json names none.
var classOfType = map[string]string{"qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer", "qwen2_moe": "Qwen2Tokenizer",
	"qwen3_moe": "Qwen2Tokenizer", "starcoder2": "GPT2Tokenizer", "phi": "GPT2Tokenizer", "gpt2": "GPT2Tokenizer",
	"cohere": "CohereTokenizer"}

// class is the tokenizer class that tokenizer_config.json or config.json names, else that of the model type; "" for
// none.
func (d folder) class() (string, error) {
	var c, model struct {
		Class any `json:"tokenizer_class"`
		Type  any `json:"model_type"`
	}
	if err := d.readJSON("tokenizer_config.json", &c); err != nil {
		return "", err
	}
	if err := d.readJSON("config.json", &model); err != nil {
		return "", err
	}
	for _, v := range []any{c.Class, model.Class} {
		if name, ok := v.(string); ok && name != "" {
			return strings.TrimSuffix(name, "Fast"), nil
		}
	}
	typ, _ := model.Type.(string)
	return classOfType[typ], nil
}

// classOf finds a class by its name.
func classOf(name string) (class, bool) {
	i := slices.IndexFunc(classes, func(c class) bool { return c.name == name })
	if i < 0 {
		return class{}, false
	}
	return classes[i], true
}

// preTokenizer is the class's own as tokenizer.json would hold it.
func (c class) preTokenizer() json.RawMessage {
	raw := splitThenBytes(c.pattern)
	if c.digits {
		raw = fmt.Appendf(nil, `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},%s]}`, raw)
	}
	return raw
}

// tellClass warns where tokenizer.json cuts texts otherwise than the class that tokenizer_config.json names: releases
// of transformers 5 build the class's own pre-tokenizer and drop the file's, so that ids differ.
func (f *jsonFile) tellClass(t *Tokenizer, pre cut) error {
	name, err := f.dir.class()
	if err != nil {
		return err
	}
	c, ok := classOf(name)
	own := cut{}
	if err := own.add(c.preTokenizer()); err != nil {
		return err
	}
	same := func(a, b string) bool { return a == b || plain(a) == plain(b) }
	if !ok || !pre.byteLevel || slices.EqualFunc(pre.patterns, own.patterns, same) {
		return nil
	}
	t.warn(fmt.Sprintf("tokenizer_class is %s, whose pattern transformers 5 can take instead of tokenizer.json's; "+
		"bitmill takes that of tokenizer.json, as the model was most likely trained with it: %s, not %s", name,
		strings.Join(pre.patterns, " "), strings.Join(own.patterns, " ")))
	return nil
}
