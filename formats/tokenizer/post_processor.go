package tokenizer

import (
	"encoding/json"
	"slices"

	"bitmill/formats/pyjson"
)

// processor is an entry of tokenizer.json's "post_processor", which adds special tokens to an encoded text.
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

// around are the special tokens of a text as tokenizer_config.json names them, while the post-processor corrects them.
type around struct {
	*special
	bos, cls, eos, sep any
}

// name sets a name of tokenizer_config.json, where there is one.
func (a *around) name(key string, v any) {
	if a.config != nil {
		a.config[key] = v
	}
}

// postProcess reads from the post-processor which tokens are put around a text, and corrects the names of
// tokenizer_config.json by it.
func (s *special) postProcess(post *processor) {
	if post == nil {
		return
	}
	a := around{s, s.config["bos_token"], s.config["cls_token"], s.config["eos_token"], s.config["sep_token"]}
	if !present(a.bos) && present(a.cls) {
		a.bos = a.cls
		a.name("bos_token", a.bos)
	}
	if !present(a.eos) && present(a.sep) {
		a.eos = a.sep
		a.name("eos_token", a.eos)
	}
	all := post.Processors
	if all == nil {
		all = []processor{*post}
	}
	for _, p := range all {
		switch p.Type {
		case "RobertaProcessing":
			a.roberta(p)
		case "TemplateProcessing":
			a.template(p)
		}
	}
}

// roberta reads RobertaProcessing: all three tokens are added.
func (a *around) roberta(p processor) {
	a.setAdd("bos", true)
	a.setAdd("eos", true)
	a.setAdd("sep", true)
	if !present(a.cls) && a.config != nil {
		a.cls = firstOr(p.Cls, a.bos)
		a.name("cls_token", a.cls)
	}
	if !present(a.sep) && a.config != nil {
		a.sep = firstOr(p.Sep, a.eos)
		a.name("sep_token", a.sep)
	}
}

// template reads TemplateProcessing: the tokens before and after a text.
func (a *around) template(p processor) {
	first, last := "", ""
	if len(p.Single) > 1 {
		first, last = p.special(0), p.special(len(p.Single)-1)
	}
	if first != "" {
		a.begin(first)
	}
	if last != "" {
		a.end(last)
	}
	a.pair(p, first, last)
}

// begin sets the token before a text.
func (a *around) begin(token string) {
	if a.config == nil {
		a.bos = token
	} else if a.bos != any(token) && a.cls != any(token) {
		if !present(a.bos) {
			a.bos = token
			a.name("bos_token", token)
		}
		if !present(a.cls) {
			a.cls = token
			a.name("cls_token", token)
		}
	}
	a.setAdd("bos", a.bos == any(token) || a.cls == any(token))
}

// end sets the token after a text; the one named eos_token before becomes the end of a turn or of a message.
func (a *around) end(token string) {
	if a.config != nil && a.eos != any(token) {
		for _, other := range []string{"eot", "eom"} {
			if !slices.Contains(a.types, other) {
				a.types = append(a.types, other)
				a.name(other+"_token", a.eos)
				break
			}
		}
		a.name("eos_token", token)
	}
	a.eos = token
	a.setAdd("eos", true)
}

// present reports whether Python takes a value of tokenizer_config.json for true.
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

func firstOr(list []any, other any) any {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

// special is the special token of the i-th piece of the template for one text, "" when it is a sequence.
func (p *processor) special(i int) string { return decodePiece(p.Single[i]).SpecialToken.ID }

func decodePiece(raw json.RawMessage) (v piece) {
	_ = pyjson.Unmarshal(raw, &v) // another form of piece is neither a token nor a sequence
	return v
}

// pair reads from the template for two texts whether a separator stands between them.
func (a *around) pair(p processor, first, last string) {
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
		add = any(token) == a.sep || any(token) == a.eos
	}
	if len(middle) == 2 {
		token := decodePiece(middle[1]).SpecialToken.ID
		add = add || token != "" && (any(token) == a.sep || any(token) == a.eos)
	}
	a.setAdd("sep", add)
	if add && !present(a.sep) {
		a.name("sep_token", a.eos)
	}
}
