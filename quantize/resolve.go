package quantize

import (
	"errors"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// resolver decides tensor by tensor, in file order.
type resolver struct {
	format    *Format
	options   Options
	model     *model
	imatrix   bool
	overrides overrides
	output    *formats.Type // Options.OutputType
	embedding *formats.Type // Options.EmbeddingType

	// Tensors decided by rules so far, by role. llama-quantize does not count the tensors that overrides decide, so an
	// override shifts the positions behind it; equal bytes need the same here.
	values, up, gate, down int
}

func newResolver(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options) (*resolver, error) {
	said, err := overridden(c.Metadata, o.MetadataKeys)
	if err != nil {
		return nil, err
	}
	r := &resolver{options: o, model: newModel(c, said), imatrix: imatrix != nil || o.AssumeImatrix}
	if r.format, err = ParseFormat(o.Format); err != nil {
		return nil, err
	}
	if r.format == &asIs && (o.Pure || o.OutputType != "" || o.EmbeddingType != "" || len(o.TensorTypes) > 0) {
		return nil, errors.New("COPY leaves all tensors as they are: it takes no types")
	}
	if r.overrides, err = parseOverrides(o.TensorTypes); err != nil {
		return nil, err
	}
	if r.output, err = optionalType("output type", o.OutputType); err != nil {
		return nil, err
	}
	if r.embedding, err = optionalType("embedding type", o.EmbeddingType); err != nil {
		return nil, err
	}
	return r, nil
}

func optionalType(option, name string) (*formats.Type, error) {
	if name == "" {
		return nil, nil
	}
	t, err := targetType(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	return &t, nil
}

// resolve decides one tensor.
func (r *resolver) resolve(t formats.Tensor) (Planned, error) {
	p := Planned{Tensor: t, Source: t.Type, Wanted: t.Type, Role: roleOf(t.Name), Reason: "kept"}
	if r.format == &asIs || !quantizable(t) || (p.Role == Output && r.options.LeaveOutput) {
		return p, nil
	}
	if r.model.tied && p.Role == Embedding {
		p.Role = Output // the token table serves as output matrix
	}
	exact := r.choose(&p)
	fitting, err := fit(p.Wanted, t.Cols())
	if err != nil {
		return p, err
	}
	if exact && fitting != p.Wanted {
		return p, fmt.Errorf("%w: %s asks for %s, but its rows of %d values do not divide into blocks of %d",
			formats.ErrUnsupported, p.Reason, p.Wanted, t.Cols(), p.Wanted.BlockLen())
	}
	p.Type = fitting
	if fitting != p.Wanted {
		p.Fallback = true
		p.Reason = fmt.Sprintf("fallback: %d %% %d", t.Cols(), p.Wanted.BlockLen())
	}
	if p.Converted() && !readable(p.Source) {
		return p, fmt.Errorf("%w: converting from %s", formats.ErrUnsupported, p.Source)
	}
	return p, nil
}

// choose sets the wanted type and the reason. exact means that an option names the type for this very tensor, so that
// no other may stand in for it.
func (r *resolver) choose(p *Planned) (exact bool) {
	table := roleOf(p.Name) == Embedding
	// A model's second table (per_layer_token_embd) follows the embedding type unless an override names it.
	if r.embedding != nil && table && (p.Name == "token_embd.weight" || !r.overrides.match(p.Name)) {
		p.Wanted, p.Reason = *r.embedding, "embedding type"
		return true
	}
	if r.output != nil && p.Role == Output && !table {
		p.Wanted, p.Reason = *r.output, "output type"
		return true
	}
	if t, ok := r.overrides.find(p.Name); ok {
		p.Wanted, p.Reason = t, "override"
		return false
	}
	if r.options.Pure {
		p.Wanted, p.Reason = r.format.Default, "pure"
		return false
	}
	if r.output != nil && p.Role == Output {
		p.Wanted, p.Reason = *r.output, "output type"
		return true
	}
	p.Wanted, p.Reason = r.format.choose(r.context(p))
	p.ruled = true
	if t, ok := r.options.chosen[p.Name]; ok {
		p.Wanted, p.Reason = t, "target"
	}
	return false
}

// context is the tensor as the rules see it; it counts the tensor.
func (r *resolver) context(p *Planned) *tensorContext {
	s := &tensorContext{
		model:    r.model,
		imatrix:  r.imatrix,
		role:     p.Role,
		count:    r.model.layers,
		uneven:   !divides(r.format.Default, p.Cols()),
		matrices: p.Matrices(),
	}
	counter := new(int)
	switch {
	case p.Role&values != 0:
		counter, s.count = &r.values, r.model.values
	case p.Role == Up:
		counter = &r.up
	case p.Role == Gate:
		counter = &r.gate
	case p.Role == Down:
		counter = &r.down
	}
	s.seen = *counter
	*counter++
	s.index = s.seen
	// A layer with experts can have several feed-forward tensors of a role: there the layer comes from the name.
	if layer := formats.LayerOf(p.Name); p.Role&ffn != 0 && r.model.experts > 1 && layer >= 0 {
		s.index = layer
	}
	return s
}

// readable reports whether weights can be read from the type.
func readable(t formats.Type) bool {
	return t == formats.F32 || t == formats.F16 || t == formats.BF16 || t.Quantized()
}
