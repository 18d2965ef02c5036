package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	gopath "path"
	"slices"
	"strings"

	"bitmill/formats"
)

// finish chooses llama.cpp's name for the patterns, settles what is added to a text, and lists the metadata.
func (t *Tokenizer) finish(f *jsonFile, s *special, bpe *bpe, patterns, merges []string) error {
	ignoreMerges := f.Model.IgnoreMerges
	if ignoreMerges {
		bpe.setWords(t)
	}
	addBOS, said := lookUp(s.add, "bos")
	t.AddBOS = addBOS
	t.AddEOS, _ = lookUp(s.add, "eos")
	for _, e := range s.ids {
		if e.value >= mostTokens {
			return formats.Corruptf("config.json", -1, e.name+"_token_id", "%d", e.value)
		}
	}
	if id, ok := lookUp(s.ids, "bos"); ok {
		t.BOS = int32(id)
	}
	if id, ok := lookUp(s.ids, "eos"); ok {
		t.EOS = int32(id)
	}
	t.folder = true
	t.choosePre(bpe, patterns, ignoreMerges, said)
	if t.AddBOS && t.BOS < 0 || t.AddEOS && t.EOS < 0 {
		t.warn("tokenizer.json puts a token around every text, but neither tokenizer_config.json nor config.json says which one begins or ends a text; where none is named none is added")
		t.AddBOS, t.AddEOS = t.AddBOS && t.BOS >= 0, t.AddEOS && t.EOS >= 0
	}

	set := func(key string, v any) { t.metadata = append(t.metadata, keyValue{key, v}) }
	if v, ok := s.config["add_prefix_space"].(bool); ok {
		set(keyAddPrefix, v)
	}
	set(keyModel, "gpt2")
	set(keyPre, t.Pre)
	set(keyTokens, f.written(t))
	kinds := make([]int32, len(t.kinds))
	for i, k := range t.kinds {
		kinds[i] = int32(k)
	}
	set(keyTypes, kinds)
	if len(merges) > 0 {
		set(keyMerges, merges)
	}
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
	return chatTemplate(f.dir, s.config, set)
}

// written is the spelling of the tokens in GGUF: as llama.cpp's converter writes them, added tokens that stand for
// bytes decoded, ▁ in added text a space.
func (f *jsonFile) written(t *Tokenizer) []string {
	tokens := slices.Clone(t.tokens)
	for _, a := range f.AddedTokens {
		if b, ok := appendBytes(nil, a.Content); ok && !a.Normalized {
			tokens[a.ID] = strings.ToValidUTF8(string(b), "\uFFFD")
		}
		if t.kinds[a.ID] == UserDefined {
			tokens[a.ID] = strings.ReplaceAll(tokens[a.ID], "▁", " ")
		}
	}
	return tokens
}

// choosePre sets Pre to the first name whose patterns and habits are the file's: whether words that are tokens stay
// whole (or whether that makes no difference), and whether BOS is added when nothing says so.
func (t *Tokenizer) choosePre(bpe *bpe, patterns []string, ignoreMerges, bosSaid bool) {
	found := presOf(patterns)
	for _, p := range found {
		if (bosSaid || p.addBOS == t.AddBOS) && (p.ignoreMerges == ignoreMerges || bpe.mergesReachAll(t)) {
			t.Pre = p.name
			return
		}
	}
	if len(found) > 0 {
		t.Pre = found[0].name
		t.warn(fmt.Sprintf("llama.cpp cuts words as %s does, but will not agree on taking whole words (ignore_merges %t) or on adding BOS (%t)",
			t.Pre, ignoreMerges, t.AddBOS))
		return
	}
	want := strings.Join(patterns, " ")
	names := slices.Clone(preferred)
	for _, p := range preTokenizers {
		if !p.underlined {
			names = append(names, p.name)
		}
	}
	candidates := make([]string, len(names))
	for i, name := range names {
		p, _ := findPre(name)
		candidates[i] = strings.Join(p.patterns, " ")
	}
	t.Pre = names[slices.Index(candidates, formats.Nearest(want, candidates))]
	t.warn(fmt.Sprintf("llama.cpp has no name for the pattern %s; GGUF files will say %s, the nearest one, and llama.cpp will cut some words otherwise",
		want, t.Pre))
}

// chatTemplate reads the chat template, from tokenizer_config.json or the files beside it.
func chatTemplate(dir folder, config map[string]any, set func(string, any)) error {
	if config == nil {
		return nil
	}
	template, ok := config["chat_template"]
	if !ok {
		var err error
		if template, err = templateFile(dir); err != nil {
			return err
		}
	}
	list, isList := template.([]any)
	if !isList {
		if text, ok := template.(string); ok {
			set("tokenizer.chat_template", text)
		}
		return nil
	}
	var names []string
	standard, hasStandard := "", false
	for _, e := range list {
		entry, _ := e.(map[string]any)
		name, _ := entry["name"].(string)
		text, ok := entry["template"].(string)
		name = strings.Map(templateName, name)
		switch {
		case name == "" || !ok:
		case name == "default":
			standard, hasStandard = text, true
		default:
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			set("tokenizer.chat_template."+name, text)
		}
	}
	if len(names) > 0 {
		set("tokenizer.chat_templates", names)
	}
	if hasStandard {
		set("tokenizer.chat_template", standard)
	}
	return nil
}

// templateName keeps ASCII letters and digits.
func templateName(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
		return r
	}
	return '_'
}

// templateFile reads chat_template.jinja and additional_chat_templates/*.jinja, or else chat_template.json.
func templateFile(dir folder) (any, error) {
	text, err := fs.ReadFile(dir.files, "chat_template.jinja")
	if errors.Is(err, fs.ErrNotExist) {
		var file map[string]json.RawMessage
		if err := dir.readJSON("chat_template.json", &file); err != nil || file["chat_template"] == nil {
			return nil, err
		}
		var template any
		err := decodeJSON(dir.path("chat_template.json"), file["chat_template"], &template)
		return template, err
	}
	if err != nil {
		return nil, err
	}
	more, err := fs.Glob(dir.files, "additional_chat_templates/*.jinja")
	if err != nil || len(more) == 0 {
		return string(text), err
	}
	list := []any{map[string]any{"name": "default", "template": string(text)}}
	for _, path := range more {
		text, err := fs.ReadFile(dir.files, path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(gopath.Base(path), ".jinja")
		list = append(list, map[string]any{"name": name, "template": string(text)})
	}
	return list, nil
}
