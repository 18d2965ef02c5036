package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// special is what tokenizer.json, tokenizer_config.json and config.json say about the special tokens (bos_token,
// eos_token ...), in the order and by the rules of llama.cpp's converter (gguf-py/gguf/vocab.py, SpecialVocab), so that
// the same keys come out.
type special struct {
	config  map[string]any // tokenizer_config.json; nil when there is none
	ids     []named[int64]
	add     []named[bool]
	types   []string
	content map[string]int64 // ids of the added tokens by text

	warnings []string // values that were ignored
}

// named is an entry of a table whose order matters.
type named[T any] struct {
	name  string
	value T
}

func lookUp[T any](table []named[T], name string) (v T, ok bool) {
	i := slices.IndexFunc(table, func(e named[T]) bool { return e.name == name })
	if i < 0 {
		return v, false
	}
	return table[i].value, true
}

// setAdd sets whether a type of token is added to texts; one that is set already keeps its position.
func (s *special) setAdd(name string, value bool) {
	if i := slices.IndexFunc(s.add, func(e named[bool]) bool { return e.name == name }); i >= 0 {
		s.add[i].value = value
		return
	}
	s.add = append(s.add, named[bool]{name, value})
}

// setID sets the id of a type of token; the first one wins.
func (s *special) setID(name string, id int64) {
	if _, ok := lookUp(s.ids, name); !ok && id >= 0 {
		s.ids = append(s.ids, named[int64]{name, id})
	}
}

func readSpecial(dir folder, post *processor, added []jsonToken, usual map[string]string) (*special, error) {
	s := &special{types: []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"}, content: map[string]int64{}}
	for _, t := range added {
		if _, ok := s.content[t.Content]; !ok {
			s.content[t.Content] = int64(t.ID)
		}
	}
	var err error
	if s.warnings, err = dir.lenientJSON("tokenizer_config.json", &s.config); err != nil {
		return nil, err
	}
	for key, text := range usual {
		if s.config == nil {
			s.config = map[string]any{}
		}
		if _, ok := s.config[key]; !ok {
			s.config[key] = text
		}
	}
	s.postProcess(post)
	s.fromConfig(dir)
	var config map[string]any
	warnings, err := dir.lenientJSON("config.json", &config)
	if err != nil {
		return nil, err
	}
	s.warnings = append(s.warnings, warnings...)
	text, _ := config["text_config"].(map[string]any)
	for _, typ := range s.types {
		v := config[typ+"_token_id"]
		if v == nil {
			v = text[typ+"_token_id"]
		}
		if _, isList := v.([]any); isList || v == nil {
			continue // of several end tokens GGUF holds one, which tokenizer_config.json names
		}
		if id, ok := tokenID(v); ok {
			s.setID(typ, id)
		} else {
			s.ignore(dir, "config.json", typ+"_token_id", "the id of a token")
		}
	}
	s.force(dir.Forced)
	return s, nil
}

// force names special tokens where the folder names none, if the tokenizer has them all.
func (s *special) force(list []Forced) {
	missing := func(f Forced) bool { _, ok := s.content[f.Text]; return !ok }
	if slices.ContainsFunc(list, missing) {
		return
	}
	for _, f := range list {
		s.setID(f.Name, s.content[f.Text])
	}
}

// tokenID reads the id of a token. Negative ones stand for none.
func tokenID(v any) (int64, bool) {
	if text, ok := v.(string); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return 0, false
		}
		v = n
	}
	id, ok := v.(float64)
	return int64(id), ok && id == math.Trunc(id) && id < mostTokens && id >= math.MinInt32
}

// ignore notes a value of the wrong kind.
func (s *special) ignore(dir folder, file, key, wanted string) {
	s.warnings = append(s.warnings, fmt.Sprintf("%s: %s is not %s; this value is ignored", dir.path(file), key, wanted))
}

// fromConfig reads the tokens and flags that tokenizer_config.json names.
func (s *special) fromConfig(dir folder) {
	const file = "tokenizer_config.json"
	for _, typ := range s.types {
		if v, ok := s.config["add_"+typ+"_token"].(bool); ok {
			s.setAdd(typ, v)
		} else if s.config["add_"+typ+"_token"] != nil {
			s.ignore(dir, file, "add_"+typ+"_token", "true or false")
		}
		text, ok := s.config[typ+"_token"].(string)
		if entry, isMap := s.config[typ+"_token"].(map[string]any); isMap {
			text, ok = entry["content"].(string)
		}
		if !ok && s.config[typ+"_token"] != nil && s.config[typ+"_token"] != false {
			s.ignore(dir, file, typ+"_token", "a token")
		}
		if id, found := s.content[text]; ok && found {
			s.setID(typ, id)
		}
	}
}

// keys calls set with the GGUF keys that the special tokens make: their ids, and which of them are added.
func (s *special) keys(set func(key string, v any)) {
	for _, e := range s.ids {
		if key, ok := lookUp(idKeys, e.name); ok {
			set(key, uint32(e.value))
		}
	}
	for _, e := range s.add {
		if key, ok := lookUp(addKeys, e.name); ok {
			set(key, e.value)
		}
	}
}
