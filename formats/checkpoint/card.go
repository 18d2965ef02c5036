package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// origin is a model or data set that this one was made from.
type origin struct {
	Name, Version, Organization, RepoURL string
}

// readCard reads the front matter of a model card; without one the card is empty.
func readCard(path string) (card, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return card{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseCard(string(data)), nil
}

// card holds the front matter's keys that have plain values: a string, a list of strings ([]string), or null (nil).
type card map[string]any

// parseCard reads the YAML between the two "---" lines as far as a card needs it: top-level keys with a scalar, a
// list in brackets or a list of dashes. Nested maps and block texts are passed over, with all that is inside them.
func parseCard(text string) card {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	c := card{}
	if lines[0] != "---" {
		return c
	}
	for i := 1; i < len(lines) && lines[i] != "---"; {
		key, value, ok := strings.Cut(lines[i], ":")
		i++
		if !ok || !keyForm.MatchString(key) || value != "" && value[0] != ' ' {
			continue
		}
		from := i
		for i < len(lines) && lines[i] != "---" && (lines[i] == "" || strings.ContainsRune(" \t-#", rune(lines[i][0]))) {
			i++
		}
		if v, ok := cardValue(uncomment(value), lines[from:i]); ok {
			c[key] = v
		}
	}
	return c
}

var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// cardValue reads a value: what follows the colon, and the indented lines below. It is nil for null, and not ok for
// what is beyond a card.
func cardValue(value string, below []string) (v any, ok bool) {
	switch {
	case value == "":
		return dashes(below)
	case strings.HasPrefix(value, "["):
		for _, l := range below {
			value += " " + uncomment(l)
		}
		value = strings.TrimSpace(value)
		if !strings.HasSuffix(value, "]") {
			return nil, false
		}
		list := []string{}
		for item := range strings.SplitSeq(value[1:len(value)-1], ",") {
			if item = scalar(strings.TrimSpace(item)); item != "" {
				list = append(list, item)
			}
		}
		return list, true
	case value == "null" || value == "~":
		return nil, true
	case strings.ContainsAny(value[:1], "{|>&*!"):
		return nil, false
	}
	for _, l := range below { // a plain scalar goes on in indented lines
		if l = uncomment(l); l != "" {
			value += " " + l
		}
	}
	return scalar(value), true
}

// dashes reads a block list of scalars, null when it has no lines; not ok when they hold anything else.
func dashes(lines []string) (v any, ok bool) {
	var list []string
	for _, l := range lines {
		l = uncomment(l)
		if l == "" {
			continue
		}
		item, ok := strings.CutPrefix(l, "-")
		if !ok || item != "" && item[0] != ' ' {
			return nil, false
		}
		item = strings.TrimSpace(item)
		if item == "" || keyed.MatchString(item) {
			return nil, false
		}
		list = append(list, scalar(item))
	}
	if list == nil {
		return nil, true
	}
	return list, true
}

// keyed matches an item that is a map of its own.
var keyed = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ -]*:( |$)`)

// uncomment trims a line and its comment.
func uncomment(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\t", "  "))
	if strings.HasPrefix(s, "#") {
		return ""
	}
	if i := strings.Index(s, " #"); i >= 0 && !strings.ContainsAny(s[:1], `"'`) {
		s = strings.TrimSpace(s[:i])
	}
	return s
}

// scalar takes the quotes off.
func scalar(s string) string {
	if n := len(s); n >= 2 && s[0] == s[n-1] {
		switch s[0] {
		case '\'':
			return strings.ReplaceAll(s[1:n-1], "''", "'")
		case '"':
			return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(s[1 : n-1])
		}
	}
	return s
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

// fromCard takes the fields that model cards have, by the names the converter looks for.
func (a *about) fromCard(c card, parameters int64) {
	a.Name = c.text("name", "model_name")
	a.Author = c.text("author", "model_author", "model_creator")
	a.Version = c.text("version", "model_version")
	a.Organization = c.text("organization", "model_organization")
	a.Description = c.text("description", "model_description")
	a.Finetune = c.text("finetune", "model_finetune")
	a.Basename = c.text("basename", "model_basename", "model_type")
	a.SizeLabel = c.text("size_label", "model_size_label")
	a.SourceURL = c.text("url", "model_url")
	a.SourceDOI = c.text("doi", "model_doi")
	a.SourceUUID = c.text("uuid", "model_uuid")
	a.Repo = c.text("repo_url", "model_repo_url")
	a.License = strings.Join(c.list("license"), ",")
	a.LicenseName = c.text("license_name")
	a.LicenseLink = c.text("license_link")
	a.BaseModels = c.origins(parameters, "base_model", "base_models", "base_model_sources")
	a.Datasets = c.origins(parameters, "datasets", "dataset", "dataset_sources")
	a.Tags = c.list("tags", "pipeline_tag")
	a.Languages = c.list("languages", "language")
}
