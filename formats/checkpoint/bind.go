package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/store"
)

// binder assigns sources to the GGUF tensors that are made of them.
type binder struct {
	list  []arch.Expected
	parts [][]source         // of each tensor, in order
	group []string           // of each tensor: those of a group are completed together
	left  map[string]int     // number of sources that a group still lacks
	known map[string][]place // Hugging Face name -> where it goes
}

// place is one source of a tensor.
type place struct{ tensor, part int }

func newBinder(list []arch.Expected) *binder {
	b := &binder{list: list, parts: make([][]source, len(list)), group: make([]string, len(list)), left: map[string]int{},
		known: map[string][]place{}}
	for i, e := range list {
		b.parts[i] = make([]source, len(e.Sources))
		for part, s := range e.Sources {
			b.known[s.HF] = append(b.known[s.HF], place{i, part})
		}
		if b.group[i] = e.Group; e.Group == "" {
			b.group[i] = fmt.Sprint(i)
		}
		b.left[b.group[i]] += len(e.Sources)
	}
	return b
}

// take assigns a source and returns the tensors that it completes.
func (b *binder) take(s source) (complete []int, err error) {
	for _, p := range b.known[s.name] {
		i, at := p.tensor, p.part
		e := &b.list[i]
		if want := e.Sources[at].Shape; !slices.Equal(s.shape, want) {
			return nil, fmt.Errorf("tensor %s: %w: its shape is %v, config.json calls for %v", s.name, formats.ErrCorrupt,
				s.shape, want)
		}
		if (s.typ == formats.I8) != e.Layout.Nibbles || at > 0 && !e.Layout.Nibbles && s.typ != b.parts[i][0].typ &&
			b.parts[i][0].name != "" {
			return nil, fmt.Errorf("tensor %s: %w: its type differs from that of the other tensors in its stack", s.name,
				formats.ErrUnsupported)
		}
		b.parts[i][at] = s
		group := b.group[i]
		if b.left[group]--; b.left[group] > 0 {
			continue
		}
		for j := range b.list {
			if b.group[j] == group {
				complete = append(complete, j)
			}
		}
	}
	return complete, nil
}

// bind makes GGUF tensors of all sources and checks that the model is complete.
func (c *Checkpoint) bind(h *arch.HFConfig, list []source) error {
	c.addRope(list)
	b := newBinder(h.Tensors(&c.Config))
	var unknown []string
	var beyond bool
	var first, others []Tensor
	for _, s := range list {
		if b.known[s.name] == nil {
			if c.Quantized != "" && strings.HasSuffix(s.name, ".bias") && zero(s.data) {
				c.leaveOut("biases of zeros, which tools of GPTQ give every layer", s.name)
				continue
			}
			unknown = append(unknown, s.name)
			beyond = beyond || c.names != nil && c.names.Beyond(s.name)
			continue
		}
		complete, err := b.take(s)
		if err != nil {
			return err
		}
		for _, i := range complete {
			t, err := tensorOf(&b.list[i], b.parts[i], s.shard)
			if err != nil {
				return err
			}
			if t.layout.Nibbles {
				first = append(first, t) // the converter writes them first
			} else {
				others = append(others, t)
			}
		}
	}
	c.Tensors = slices.Concat(c.Tensors, first, others)
	c.tellLeftOut()
	if beyond {
		return fmt.Errorf("%w: config.json has %d layers (num_hidden_layers), but there are tensors of further ones: %s",
			formats.ErrUnsupported, c.Config.Layers, some(unknown))
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%w: model_type %s has no tensor %s", formats.ErrUnsupported, h.ModelType, some(unknown))
	}
	var missing []string
	for i, e := range b.list {
		for at, p := range b.parts[i] {
			if p.name == "" && h.Needs(&c.Config, e.Need) {
				missing = append(missing, e.Sources[at].HF)
			}
		}
	}
	if slices.Equal(missing, []string{"lm_head.weight"}) && c.backbone {
		c.ConfigErr = cmp.Or(c.ConfigErr, fmt.Errorf("%w: there is no lm_head.weight: the checkpoint holds a model "+
			"without output matrix, as for embeddings", formats.ErrUnsupported))
		missing = nil
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the checkpoint is incomplete: it has no tensor %s", formats.ErrCorrupt, some(missing))
	}
	c.reindex()
	if _, ok := c.index["output.weight"]; ok && c.Config.Tied {
		c.Config.Tied = false
		c.Warnings = append(c.Warnings,
			"config.json ties the output matrix to the embedding, yet there is an lm_head.weight; it is used, as llama.cpp does")
	}
	return nil
}

// zero reports whether all bytes are zeros.
func zero(data []byte) bool {
	release, err := store.Hold(data)
	if err != nil {
		return false // reading it again, as a tensor that is in nobody's way, tells
	}
	defer release()
	return len(bytes.Trim(data, "\x00")) == 0
}

// tensorOf describes the sources as a GGUF tensor: dimensions reversed, vectors in F32.
func tensorOf(e *arch.Expected, sources []source, shard int) (Tensor, error) {
	s := &sources[0]
	t := Tensor{Tensor: formats.Tensor{Name: e.GGUF, Type: s.typ}, Source: s.name, Shard: shard, stored: s.typ,
		layout: e.Layout}
	t.Shape = slices.Clone(e.Shape)
	slices.Reverse(t.Shape)
	derived := slices.ContainsFunc(sources, func(s source) bool { return s.matrix != nil })
	if derived {
		return t, t.derive(sources, e.Float())
	}
	for i := range sources {
		if sources[i].data != nil {
			t.parts = append(t.parts, sources[i].data)
		}
	}
	switch {
	case e.Layout.Nibbles:
		t.Type = formats.MXFP4
	case e.Float():
		t.Type = formats.F32
		if t.parts != nil && (s.typ != formats.F32 || len(t.parts) > 1 || t.layout != arch.Layout{}) {
			t.converted = new(converted)
		}
	}
	return t, nil
}

// addRope adds the tensors of RoPE factors, which have no source. They have data when the sources do.
func (c *Checkpoint) addRope(list []source) {
	planned := len(list) == 0 || list[0].data == nil && list[0].matrix == nil
	add := func(name string, factors []float32) {
		t := Tensor{Tensor: formats.Tensor{Name: name, Type: formats.F32, Shape: []int64{int64(len(factors))}},
			stored: formats.F32}
		if !planned {
			var data []byte
			for _, v := range factors {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			t.parts = [][]byte{data}
		}
		c.Tensors = append(c.Tensors, t)
	}
	switch r := &c.Config.Rope; r.Scaling {
	case "llama3", "proportional":
		add("rope_freqs.weight", r.Factors)
	case "longrope":
		add("rope_factors_long.weight", r.LongFactors)
		add("rope_factors_short.weight", r.Factors)
	}
}

// some lists up to three names and counts the rest.
func some(names []string) string {
	slices.Sort(names)
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d others", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}
