package tokenizer

import (
	"encoding/json"
	"slices"
)

// special gathers what tokenizer.json, tokenizer_config.json and config.json say about the special tokens, in the order
// and by the rules of llama.cpp's converter (gguf-py/gguf/vocab.py, SpecialVocab), so that the same keys come out.
type special struct {
	config  map[string]any // tokenizer_config.json; nil when there is none
	ids     []named[int64]
	add     []named[bool]
	types   []string
	content map[string]int64 // ids of the added tokens by text
}

// named is an entry of an ordered table.
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

// setAdd sets whether a type of token is added, keeping the position of one already set.
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

// processor is one entry of tokenizer.json's "post_processor".
type processor struct {
	Type         string            `json:"type"`
	Processors   []processor       `json:"processors"`
	Single, Pair []json.RawMessage // pieces, or a string
	Cls, Sep     []any
}

// piece is one entry of a template: a special token or one of the sequences.
type piece struct {
	SpecialToken, Sequence struct{ ID string }
}

func readSpecial(dir folder, post *processor, added []jsonToken) (*special, error) {
	s := &special{types: []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"}, content: map[string]int64{}}
	for _, t := range added {
		if _, ok := s.content[t.Content]; !ok {
			s.content[t.Content] = int64(t.ID)
		}
	}
	if err := dir.readJSON("tokenizer_config.json", &s.config); err != nil {
		return nil, err
	}
	s.template(post)
	s.fromConfig()
	var config map[string]any
	if err := dir.readJSON("config.json", &config); err != nil {
		return nil, err
	}
	text, _ := config["text_config"].(map[string]any)
	for _, typ := range s.types {
		v := config[typ+"_token_id"]
		if v == nil {
			v = text[typ+"_token_id"]
		}
		if id, ok := v.(float64); ok && id == float64(int64(id)) {
			s.setID(typ, int64(id))
		}
	}
	return s, nil
}

// fromConfig reads the tokens and flags that tokenizer_config.json names.
func (s *special) fromConfig() {
	for _, typ := range s.types {
		if v, ok := s.config["add_"+typ+"_token"].(bool); ok {
			s.setAdd(typ, v)
		}
		text, ok := s.config[typ+"_token"].(string)
		if entry, isMap := s.config[typ+"_token"].(map[string]any); isMap {
			text, ok = entry["content"].(string)
		}
		if id, found := s.content[text]; ok && found {
			s.setID(typ, id)
		}
	}
}

// present is Python's truth of a value of tokenizer_config.json.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case bool:
		return v
	case float64:
		return v != 0
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return true
}

// template reads from the post-processor which tokens are put around a text, and corrects the names of
// tokenizer_config.json by it.
func (s *special) template(post *processor) {
	if post == nil {
		return
	}
	set := func(name string, v any) {
		if s.config != nil {
			s.config[name] = v
		}
	}
	bos, cls, eos, sep := s.config["bos_token"], s.config["cls_token"], s.config["eos_token"], s.config["sep_token"]
	if !present(bos) && present(cls) {
		bos = cls
		set("bos_token", bos)
	}
	if !present(eos) && present(sep) {
		eos = sep
		set("eos_token", eos)
	}
	all := post.Processors
	if all == nil {
		all = []processor{*post}
	}
	for _, p := range all {
		switch p.Type {
		case "RobertaProcessing":
			s.setAdd("bos", true)
			s.setAdd("eos", true)
			s.setAdd("sep", true)
			if !present(cls) && s.config != nil {
				cls = firstOr(p.Cls, bos)
				set("cls_token", cls)
			}
			if !present(sep) && s.config != nil {
				sep = firstOr(p.Sep, eos)
				set("sep_token", sep)
			}
		case "TemplateProcessing":
			first, last := "", ""
			if len(p.Single) > 1 {
				first, last = p.special(0), p.special(len(p.Single)-1)
			}
			if first != "" {
				switch {
				case s.config == nil:
					bos = first
				case bos != any(first) && cls != any(first):
					if !present(bos) {
						bos = first
						set("bos_token", bos)
					}
					if !present(cls) {
						cls = first
						set("cls_token", cls)
					}
				}
				s.setAdd("bos", bos == any(first) || cls == any(first))
			}
			if last != "" {
				switch {
				case s.config == nil:
					eos = last
				case eos != any(last):
					for _, other := range []string{"eot", "eom"} {
						if !slices.Contains(s.types, other) {
							s.types = append(s.types, other)
							set(other+"_token", eos)
							break
						}
					}
					eos = last
					set("eos_token", eos)
				}
				s.setAdd("eos", eos == any(last))
			}
			s.pairTemplate(p, first, last, sep, eos)
		}
	}
}

func firstOr(list []any, other any) any {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

// special is the special token of the i-th piece of the template for one text, "" when it is a sequence.
func (p *processor) special(i int) string { return decodePiece(p.Single[i]).SpecialToken.ID }

func decodePiece(raw json.RawMessage) (v piece) {
	_ = json.Unmarshal(raw, &v) // another form of piece is neither a token nor a sequence
	return v
}

// pairTemplate reads from the template for two texts whether a separator stands between them.
func (s *special) pairTemplate(p processor, first, last string, sep, eos any) {
	pair := p.Pair
	if first != "" && len(pair) > 0 && decodePiece(pair[0]).SpecialToken.ID == first {
		pair = pair[1:]
	}
	if last != "" && len(pair) > 0 && decodePiece(pair[len(pair)-1]).SpecialToken.ID == last {
		pair = pair[:len(pair)-1]
	}
	if len(pair) < 3 || decodePiece(pair[0]).Sequence.ID != "A" || decodePiece(pair[len(pair)-1]).Sequence.ID != "B" {
		return
	}
	middle := pair[1 : len(pair)-1]
	add := false
	if token := decodePiece(middle[0]).SpecialToken.ID; token != "" && last == "" {
		add = any(token) == sep || any(token) == eos
	}
	if len(middle) == 2 {
		if token := decodePiece(middle[1]).SpecialToken.ID; token != "" && (any(token) == sep || any(token) == eos) {
			add = true
		}
	}
	s.setAdd("sep", add)
	if add && !present(sep) && s.config != nil {
		s.config["sep_token"] = eos
	}
}
