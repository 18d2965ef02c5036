package probe

import (
	"fmt"

	"bitmill/eval/infer"
	"bitmill/formats"
)

// tensor is one that is probed: a matrix, a stack of them, or several one below another.
type tensor struct {
	name  string
	layer int             // the first that it takes part in; -1: the embedding
	parts []*infer.Linear // nil for the embedding
}

// matrices lists the tensors in the order of the layers.
func (p *probe) matrices() (list []tensor) {
	at := map[string]int{}
	p.model.Each(func(w *infer.Linear) {
		i, ok := at[w.Name]
		if !ok {
			i = len(list)
			at[w.Name], list = i, append(list, tensor{name: w.Name})
			if _, err := fmt.Sscanf(w.Name, "blk.%d.", &list[i].layer); err != nil {
				list[i].layer = -1
			}
		}
		list[i].parts = append(list[i].parts, w)
	})
	if out := p.model.Output(); out.Name != embeddingName {
		list = append(list, tensor{name: out.Name, layer: p.model.Config.Layers, parts: []*infer.Linear{out}})
	}
	return append(list, tensor{name: embeddingName, layer: -1})
}

// measure probes a tensor; 0 for one without errors.
func (p *probe) measure(t tensor) (nats float64, err error) {
	d := disturbed{probe: p, name: t.name}
	if p.Weights != nil {
		d.weights = p.Weights(t.name)
	}
	if t.parts == nil {
		nats, err = p.embedding(&d)
	} else {
		nats, err = p.product(&d, t)
	}
	if err != nil || !(d.errors > 0) {
		return 0, err
	}
	return nats * d.values / d.errors, nil
}

// product probes a tensor of matrix products.
func (p *probe) product(d *disturbed, t tensor) (float64, error) {
	for i, w := range t.parts {
		data, err := d.matrix(w.Type, w.Data, w.Rows, w.Cols, w.Expert, i)
		if err != nil {
			return 0, err
		}
		own := w.Data
		w.Data = data
		defer func() { w.Data = own }()
	}
	return p.divergence(t.layer)
}

// embedding probes the embeddings of tokens.
func (p *probe) embedding(d *disturbed) (float64, error) {
	t, ok := p.source.Tensor(embeddingName)
	if !ok {
		return 0, nil
	}
	data := t.Bytes()
	if t.Factors() != nil { // as the engine has it
		raw, err := t.Raw()
		if err != nil {
			return 0, err
		}
		data = raw
	}
	if data == nil {
		size, err := t.Type.RowBytes(t.Cols())
		if err != nil {
			return 0, err
		}
		data = make([]byte, size*t.Rows())
		if err := t.ReadRows(data, 0, t.Rows()); err != nil {
			return 0, err
		}
	}
	moved, err := d.matrix(t.Type, data, int(t.Rows()), int(t.Cols()), 0, 0)
	if err != nil {
		return 0, err
	}
	if err := p.model.Replace(embeddingName, 0, moved); err != nil {
		return 0, err
	}
	nats, err := p.divergence(-1)
	if err != nil {
		return 0, err
	}
	return nats, p.model.Replace(embeddingName, 0, data)
}

// coarse is a type whose errors are small enough for a divergence in proportion to their squares, and no smaller.
func coarse(cols int) (formats.Type, bool) {
	switch {
	case cols%256 == 0:
		return formats.Q4_K, true
	case cols%32 == 0:
		return formats.Q4_0, true
	}
	return 0, false
}
