package checkpoint

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bitmill/formats/gguf"
)

// about is what the general.* metadata says of a model: its name and what its card tells. llama.cpp's converter takes
// it from the front matter of README.md, then from _name_or_path in config.json, then from the folder's name, the
// first that knows a field. Empty strings are unknown.
type about struct {
	sampling []pair // general.sampling.*, from generation_config.json

	Name, Author, Version, Organization    string
	Finetune, Basename, Description        string
	SizeLabel                              string
	License, LicenseName, LicenseLink      string
	SourceURL, SourceDOI, SourceUUID, Repo string
	BaseModels, Datasets                   []origin // nil: the card has no such key
	Tags, Languages                        []string
}

// pair is one metadata entry.
type pair struct {
	key   string
	value any
}

// readAbout collects what the folder says of its model, which is so large.
func readAbout(dir, nameOrPath string, n size) (*about, error) {
	a := new(about)
	card, err := readCard(filepath.Join(dir, "README.md"))
	if err != nil {
		return nil, err
	}
	a.fromCard(card, n.total)
	if a.sampling, err = readSampling(filepath.Join(dir, "generation_config.json")); err != nil {
		return nil, err
	}
	a.fromNames(nameOrPath, folderName(dir), n)
	return a, nil
}

// nameOnly is the about of a model that has no folder.
func nameOnly(nameOrPath, name string, n size) *about {
	a := new(about)
	a.fromNames(nameOrPath, name, n)
	return a
}

// fromNames fills what is unknown from _name_or_path, when it is a name and not a path, and from the folder's name.
func (a *about) fromNames(nameOrPath, folder string, n size) {
	if nameOrPath != "" && strings.Count(nameOrPath, "/") <= 1 {
		a.fromID(nameOrPath, n.total)
	}
	a.fromID(folder, n.total)
	switch {
	case a.SizeLabel != "" || n.total <= 0:
	case n.count > 0:
		a.SizeLabel = fmt.Sprintf("%dx%s", n.count, sizeLabel(n.active))
	default:
		a.SizeLabel = sizeLabel(n.total)
	}
}

func (a *about) fromID(id string, parameters int64) {
	p := splitID(id, parameters)
	fill(&a.Name, title(p.Name))
	fill(&a.Organization, title(p.Organization))
	fill(&a.Basename, p.Basename)
	fill(&a.Finetune, p.Finetune)
	fill(&a.Version, p.Version)
	fill(&a.SizeLabel, p.SizeLabel)
}

// fill sets an unknown field.
func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// folderName is the last element of the folder's absolute path.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// metadata writes the keys in the converter's order.
func (a *about) metadata(m *gguf.Metadata) {
	for _, p := range a.sampling {
		m.Set(p.key, p.value)
	}
	for _, p := range []struct{ key, value string }{
		{"general.name", a.Name}, {"general.author", a.Author}, {"general.version", a.Version},
		{"general.organization", a.Organization}, {"general.finetune", a.Finetune}, {"general.basename", a.Basename},
		{"general.description", a.Description}, {"general.size_label", a.SizeLabel},
		{"general.license", a.License}, {"general.license.name", a.LicenseName}, {"general.license.link", a.LicenseLink},
		{"general.source.url", a.SourceURL}, {"general.source.doi", a.SourceDOI},
		{"general.source.uuid", a.SourceUUID}, {"general.source.repo_url", a.Repo},
	} {
		if p.value != "" {
			m.Set(p.key, p.value)
		}
	}
	origins(m, "general.base_model.", a.BaseModels)
	origins(m, "general.dataset.", a.Datasets)
	if len(a.Tags) > 0 {
		m.Set("general.tags", a.Tags)
	}
	if len(a.Languages) > 0 {
		m.Set("general.languages", a.Languages)
	}
}

// samplingKeys maps generation_config.json to GGUF, in the converter's order.
var samplingKeys = []struct {
	keys []string // the first that is there counts
	gguf string
	kind any // of the value: string, int32 or float32
}{
	{[]string{"sequence"}, "sequence", ""},
	{[]string{"top_k"}, "top_k", int32(0)},
	{[]string{"top_p"}, "top_p", float32(0)},
	{[]string{"min_p"}, "min_p", float32(0)},
	{[]string{"xtc_probability"}, "xtc_probability", float32(0)},
	{[]string{"xtc_threshold"}, "xtc_threshold", float32(0)},
	{[]string{"temperature"}, "temp", float32(0)},
	{[]string{"penalty_last_n"}, "penalty_last_n", int32(0)},
	{[]string{"penalty_repeat", "repetition_penalty"}, "penalty_repeat", float32(0)},
	{[]string{"mirostat"}, "mirostat", int32(0)},
	{[]string{"mirostat_tau"}, "mirostat_tau", float32(0)},
	{[]string{"mirostat_eta"}, "mirostat_eta", float32(0)},
}

// readSampling reads the recommended sampling parameters. A file that is absent or no JSON says nothing; a key of
// another type is an error.
func readSampling(path string) ([]pair, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	var config map[string]json.RawMessage
	if json.Unmarshal(data, &config) != nil {
		return nil, nil
	}
	var list []pair
	for _, s := range samplingKeys {
		for _, key := range s.keys {
			raw, ok := config[key]
			if !ok {
				continue
			}
			if string(raw) == "null" {
				break
			}
			v, err := sample(raw, s.kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, key, err)
			}
			list = append(list, pair{"general.sampling." + s.gguf, v})
			break
		}
	}
	return list, nil
}

// sample decodes a value as the kind's type.
func sample(raw json.RawMessage, kind any) (any, error) {
	switch kind.(type) {
	case string:
		var v string
		err := json.Unmarshal(raw, &v)
		return v, err
	case int32:
		var v int32
		err := json.Unmarshal(raw, &v)
		return v, err
	}
	var v float64
	err := json.Unmarshal(raw, &v)
	return float32(v), err
}
