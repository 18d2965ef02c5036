package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/modelcard"
	"bitmill/formats/store"
)

// openConfig describes the model of a bare config.json: every tensor by name, shape and type, without data and without
// a vocabulary. It needs no weights, so models that are not on this machine can be planned.
func openConfig(path string, o OpenOptions) (*Checkpoint, error) {
	h, err := readConfig(store.Dir(path), path, o)
	if err != nil {
		return nil, err
	}
	typ, err := h.WeightType()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := &Checkpoint{Path: path, Planned: true}
	scheme, err := h.Scheme()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m := scheme.Method; m != "" && !h.MXFP4() && !scheme.Online {
		c.Quantized = m
	}
	if err := c.guard(o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.Config, c.ConfigErr, err = h.Config(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := h.CheckMTP(&c.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var list []source
	seen := map[string]bool{}
	for _, e := range h.Tensors(&c.Config) {
		for _, p := range e.Sources {
			if h.Needs(&c.Config, e.Need) && !seen[p.HF] {
				seen[p.HF] = true
				s := source{name: p.HF, typ: typ, shape: p.Shape}
				if e.Layout.Nibbles {
					s.typ = formats.I8
				}
				list = append(list, s)
			}
		}
	}
	slices.SortFunc(list, func(a, b source) int { return strings.Compare(a.name, b.name) })
	if err := c.bind(h, list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	name := strings.TrimSuffix(store.Base(path), store.Ext(path))
	if name == "config" {
		name = modelcard.FolderName(store.Dir(path))
	}
	c.describe(h, modelcard.FromNames(h.NameOrPath, name, c.size()), typ)
	c.TokenizerErr = fmt.Errorf("%s is only a plan: it has no vocabulary", path)
	return c, nil
}
