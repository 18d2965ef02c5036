// Package modelcard collects the descriptive facts of a model from its Hugging Face folder: names, authors, licences,
// base models, tags and recommended sampling. They come from the model card (README.md), generation_config.json and the
// names of model and folder. The rules and the resulting general.* metadata are those of llama.cpp's converter
// (gguf-py's Metadata).
package modelcard

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// Info holds the values of the general.* metadata. Each field comes from the first source that has it: the front matter
// of README.md, _name_or_path in config.json, the folder's name. Empty strings are unknown.
type Info struct {
	Name, Author, Version, Organization    string
	Finetune, Basename, Description        string
	SizeLabel                              string
	License, LicenseName, LicenseLink      string
	SourceURL, SourceDOI, SourceUUID, Repo string
	BaseModels, Datasets                   []Origin // nil: the card has no such key
	Tags, Languages                        []string

	Pooling Pooling // of embeddings

	Warnings []string // what could not be read; sentences without a full stop

	Suppressed []int32 // suppress_tokens of generation_config.json

	sampling []pair // general.sampling.*, from generation_config.json
}

// Size counts the parameters of a model.
type Size struct {
	Total   int64 // elements of all tensors
	Active  int64 // the same with one expert of each kind
	Experts int   // of a layer; 0 without
}

// pair is one metadata entry.
type pair struct {
	key   string
	value any
}

// Read collects the facts in a folder. nameOrPath is _name_or_path of config.json.
func Read(dir, nameOrPath string, n Size) (*Info, error) {
	info := new(Info)
	path := store.Join(dir, "README.md")
	data, err := store.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	card, err := parseCard(string(data))
	if err != nil {
		info.Warnings = append(info.Warnings, fmt.Sprintf("the front matter of %s is not used: %v", path, err))
	}
	info.fromCard(card, n.Total)
	sampling, suppressed, warnings := readSampling(store.Join(dir, "generation_config.json"))
	info.sampling, info.Suppressed, info.Warnings = sampling, suppressed, append(info.Warnings, warnings...)
	info.Pooling, warnings = readPooling(dir)
	info.Warnings = append(info.Warnings, warnings...)
	name := cmp.Or(CacheID(dir), FolderName(dir))
	info.fromNames(nameOrPath, name, n)
	return info, nil
}

// FromNames is the Info of a model without a folder, known by a name alone.
func FromNames(nameOrPath, name string, n Size) *Info {
	info := new(Info)
	info.fromNames(nameOrPath, name, n)
	return info
}

// fromNames fills unknown fields from _name_or_path, if it is a name rather than a path, and from the folder's name.
func (i *Info) fromNames(nameOrPath, folder string, n Size) {
	if nameOrPath != "" && strings.Count(nameOrPath, "/") <= 1 {
		i.fromID(nameOrPath, n.Total)
	}
	i.fromID(folder, n.Total)
	switch {
	case i.SizeLabel != "" || n.Total <= 0:
	case n.Experts > 0:
		i.SizeLabel = fmt.Sprintf("%dx%s", n.Experts, sizeLabel(n.Active))
	default:
		i.SizeLabel = sizeLabel(n.Total)
	}
}

func (i *Info) fromID(id string, parameters int64) {
	p := splitID(id, parameters)
	fill(&i.Name, title(p.Name))
	fill(&i.Organization, title(p.Organization))
	fill(&i.Basename, p.Basename)
	fill(&i.Finetune, p.Finetune)
	fill(&i.Version, p.Version)
	fill(&i.SizeLabel, p.SizeLabel)
}

// fill sets an unknown field.
func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// AddTo writes the keys in the converter's order.
func (i *Info) AddTo(m *gguf.Metadata) {
	for _, p := range i.sampling {
		m.Set(p.key, p.value)
	}
	for _, p := range []struct{ key, value string }{
		{"general.name", i.Name}, {"general.author", i.Author}, {"general.version", i.Version},
		{"general.organization", i.Organization}, {"general.finetune", i.Finetune}, {"general.basename", i.Basename},
		{"general.description", i.Description}, {"general.size_label", i.SizeLabel},
		{"general.license", i.License}, {"general.license.name", i.LicenseName}, {"general.license.link", i.LicenseLink},
		{"general.source.url", i.SourceURL}, {"general.source.doi", i.SourceDOI},
		{"general.source.uuid", i.SourceUUID}, {"general.source.repo_url", i.Repo},
	} {
		if p.value != "" {
			m.Set(p.key, p.value)
		}
	}
	origins(m, "general.base_model.", i.BaseModels)
	origins(m, "general.dataset.", i.Datasets)
	if len(i.Tags) > 0 {
		m.Set("general.tags", i.Tags)
	}
	if len(i.Languages) > 0 {
		m.Set("general.languages", i.Languages)
	}
}
