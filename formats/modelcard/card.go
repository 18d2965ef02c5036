package modelcard

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// card holds the front matter's keys that have plain values: a string, a list of strings ([]string), or null (nil).
type card map[string]any

// parseCard reads the YAML between the two "---" lines of a model card; without them the card is empty. Scalars are
// taken as written, so that "no" is Norwegian and 1.10 a version. Tabs count as two spaces, as for the converter:
// published cards contain them.
func parseCard(text string) (card, error) {
	c := card{}
	front, ok := strings.CutPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "---\n")
	if !ok {
		return c, nil
	}
	front, _, _ = strings.Cut("\n"+front+"\n", "\n---\n")
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(front, "\t", "  ")), &doc); err != nil {
		return c, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return c, nil
	}
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if v, ok := plain(pairs[i+1]); ok {
			c[pairs[i].Value] = v
		}
	}
	return c, nil
}

// plain is the value of a node; ok is false for values that cards do not need, such as maps.
func plain(n *yaml.Node) (v any, ok bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.ShortTag() == "!!null" {
			return nil, true
		}
		return n.Value, true
	case yaml.SequenceNode:
		list := []string{}
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, false
			}
			if item.Value != "" {
				list = append(list, item.Value)
			}
		}
		return list, true
	}
	return nil, false
}

// text is the value of the first key that has a string.
func (c card) text(keys ...string) string {
	for _, k := range keys {
		if s, ok := c[k].(string); ok {
			return s
		}
	}
	return ""
}

// list joins the values of the keys; a string counts as a list of one.
func (c card) list(keys ...string) []string {
	var all []string
	for _, k := range keys {
		switch v := c[k].(type) {
		case string:
			all = append(all, v)
		case []string:
			all = append(all, v...)
		}
	}
	return all
}

// fromCard takes the fields of a model card under the names that the converter knows.
func (i *Info) fromCard(c card, parameters int64) {
	i.Name = c.text("name", "model_name")
	i.Author = c.text("author", "model_author", "model_creator")
	i.Version = c.text("version", "model_version")
	i.Organization = c.text("organization", "model_organization")
	i.Description = c.text("description", "model_description")
	i.Finetune = c.text("finetune", "model_finetune")
	i.Basename = c.text("basename", "model_basename", "model_type")
	i.SizeLabel = c.text("size_label", "model_size_label")
	i.SourceURL = c.text("url", "model_url")
	i.SourceDOI = c.text("doi", "model_doi")
	i.SourceUUID = c.text("uuid", "model_uuid")
	i.Repo = c.text("repo_url", "model_repo_url")
	i.License = strings.Join(c.list("license"), ",")
	i.LicenseName = c.text("license_name")
	i.LicenseLink = c.text("license_link")
	i.BaseModels = c.origins(parameters, "base_model", "base_models", "base_model_sources")
	i.Datasets = c.origins(parameters, "datasets", "dataset", "dataset_sources")
	i.Tags = c.list("tags", "pipeline_tag")
	i.Languages = c.list("languages", "language")
}
