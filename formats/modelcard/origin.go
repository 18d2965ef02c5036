package modelcard

import (
	"fmt"
	"regexp"
	"strings"

	"bitmill/formats/gguf"
)

// Origin is a model or data set that a model was made from.
type Origin struct {
	Name, Version, Organization, RepoURL string
}

var hubURL = regexp.MustCompile(`^https?://huggingface.co/([^/]+/[^/]+)$`)

// origins reads the ids or addresses under the first of the keys that the card has.
func (c card) origins(parameters int64, keys ...string) []Origin {
	for _, k := range keys {
		if _, ok := c[k]; !ok {
			continue
		}
		list := []Origin{}
		for _, id := range c.list(k) {
			list = append(list, originOf(id, parameters))
		}
		return list
	}
	return nil
}

// originOf reads a Hugging Face id or an address.
func originOf(id string, parameters int64) Origin {
	var o Origin
	if strings.HasPrefix(id, "http://") || strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "ssh://") {
		o.RepoURL = id
		m := hubURL.FindStringSubmatch(id)
		if m == nil {
			return o
		}
		id = m[1]
	}
	p := splitID(id, parameters)
	o.Name, o.Organization, o.Version = title(p.Name), title(p.Organization), p.Version
	if o.RepoURL == "" && p.Organization != "" {
		o.RepoURL = fmt.Sprintf("https://huggingface.co/%s/%s", p.Organization, p.Name)
	}
	return o
}

// origins writes PREFIXcount and PREFIXN.field for each; nothing for nil.
func origins(m *gguf.Metadata, prefix string, list []Origin) {
	if list == nil {
		return
	}
	m.Set(prefix+"count", uint32(len(list)))
	for i, o := range list {
		for _, p := range []struct{ key, value string }{
			{"name", o.Name}, {"version", o.Version}, {"organization", o.Organization}, {"repo_url", o.RepoURL},
		} {
			if p.value != "" {
				m.Set(fmt.Sprintf("%s%d.%s", prefix, i, p.key), p.value)
			}
		}
	}
}
