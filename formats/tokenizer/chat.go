package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	gopath "path"
	"slices"
	"strings"
)

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
