// Package quantize turns a checkpoint into GGUF artifacts. A format is a recipe (rules.go) that gives each tensor a
// type; a plan is a recipe resolved for one checkpoint, exact to the byte; Write carries out any number of plans in one
// pass over the source.
//
// Recipes, shape fallbacks, tensor order and metadata are llama-quantize's, so that an artifact equals its file.
//
// Plans: plan.go, resolve.go, rules.go and condition.go; target.go and sensitivity.go choose types for a size. Writing:
// write.go, convert.go (tasks, slabs and the workers that encode them), artifact_writer.go and stream.go (files and how
// they are resumed), reuse.go and provenance.go (tensors copied from earlier artifacts). Package encode chooses the
// bytes of a tensor.
package quantize

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/bpw"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
)

// Options describe an artifact. Only Format is required.
type Options struct {
	Format          string   // name of a format, in any case
	Name            string   `json:",omitempty"` // of the artifact in messages; empty: see Plan.Name
	Pure            bool     // the format's default type for every quantizable tensor
	TensorTypes     []string // overrides "RE=TYPE" in order; the first that matches a tensor's name decides
	OutputType      string   // type of the output matrix; empty: the recipe's
	EmbeddingType   string   // type of the token table; empty: the recipe's
	LeaveOutput     bool     // keep output.weight as it is
	AllowRequantize bool     // accept a source that is quantized already
	MetadataKeys    []string // "KEY=TYPE:VALUE": metadata to set; TYPE is int, float, bool or str
	KeepSplit       bool     // split the artifact into the source's shards, with their order of tensors
	SplitBytes      int64    // most bytes of tensors in a shard, split as llama-gguf-split does; 0: one file
	Method          string   `json:",omitempty"` // of choosing scales and levels; empty: Reference
	Fit             Fit      `json:",omitzero"`  // of Method Feedback
	Types           string   `json:",omitempty"` // TypesChosen, or empty for those of the format

	// Shares are the divergence that an error in each matrix causes, relative to each other; they choose types for a size.
	// A matrix without one, or all with nil, counts by its role.
	Shares map[string]float64 `json:",omitempty"`

	// AssumeImatrix plans without a matrix as if there were one: types and payload are right, but file size and
	// metadata lack the matrix's part, unless AssumedImatrix has its text and windows. Such a plan cannot be written.
	AssumeImatrix  bool
	AssumedImatrix *imatrix.Matrix `json:"-"`
	Unmeasured     bool            `json:"-"` // types chosen for a size count by their bits: about the size is right
	ImatrixFile    string          // recorded as quantize.imatrix.file
	Provenance     *gguf.Metadata  // recorded as well; keys start with "bitmill."

	chosen map[string]formats.Type // by tensor, in place of the rules' types (NewTargetPlan)
}

// CustomName is how an artifact is called whose types were chosen for a size: no recipe has such a mix.
const CustomName = "custom"

// Name is the one that the options give, that of the format, or CustomName.
func (p *Plan) Name() string {
	if p.Options.Name != "" {
		return p.Options.Name
	}
	if p.Options.chosen != nil {
		return CustomName
	}
	return p.Format.Name
}

// Title is Name in a sentence.
func (p *Plan) Title() string {
	if p.Options.chosen != nil {
		return CustomName + " mix (its metadata say " + p.Format.Name + ")"
	}
	return p.Format.Name
}

// TypesBy says what the types were chosen by: "probes" of each matrix, or "roles" of the matrices; "" where the format
// decides.
func (p *Plan) TypesBy() string {
	switch {
	case p.Options.chosen == nil:
		return ""
	case p.Options.Shares != nil:
		return "probes"
	}
	return "roles"
}

// subject is the name in messages about what cannot be made: types chosen for a format count as the format.
func (p *Plan) subject() string { return cmp.Or(p.Options.Name, p.Format.Name) }

// Plan is a format resolved for one checkpoint: a pure function of the checkpoint's shapes and metadata, the matrix
// and the options.
type Plan struct {
	Format      *Format
	Options     Options
	Tensors     []Planned  // in file order
	Overrides   []Override // the options' tensor types with their match counts
	Parameters  int64      // elements of all tensors
	PayloadBits int64      // bits of all tensors' data, without padding
	FileBytes   int64
	Fallbacks   int // tensors whose type does not fit their rows
	Metadata    *gguf.Metadata
	Layout      *gguf.Layout
	Shards      []gguf.PlannedShard // of an artifact in several files; nil for one file
	Warnings    []string
}

// Planned is one tensor of an artifact; its Type is the target.
type Planned struct {
	formats.Tensor
	Source   formats.Type
	Wanted   formats.Type // before shape fallback
	Role     Role
	Fallback bool

	// Reason is "rule attn_v more-bits", "default", "pure", "override", "output type", "embedding type", "target",
	// "kept" or "fallback: 576 % 256".
	Reason   string
	Weighted bool  // the importance matrix has weights for it
	Size     int64 // bytes of data

	index int  // in the checkpoint
	ruled bool // the format's rules decided, not the options
}

// Converted reports whether values are encoded anew rather than copied.
func (p *Planned) Converted() bool { return p.Type != p.Source }

// BPW is the plan's payload bits per parameter.
func (p *Plan) BPW() bpw.Count { return bpw.Count{Bits: p.PayloadBits, Weights: p.Parameters} }

// GGUFTensors lists the artifact's tensors for gguf.WriteHeader.
func (p *Plan) GGUFTensors() []formats.Tensor {
	list := make([]formats.Tensor, len(p.Tensors))
	for i := range p.Tensors {
		list[i] = p.Tensors[i].Tensor
	}
	return list
}

// shards lists the artifact's files: its shards, or the one file as a shard.
func (p *Plan) shards() []gguf.PlannedShard {
	if p.Shards != nil {
		return p.Shards
	}
	return []gguf.PlannedShard{{Metadata: p.Metadata, Tensors: p.GGUFTensors(), Layout: p.Layout}}
}

// NewPlan resolves the format for the checkpoint; imatrix may be nil. It fails with a BlockedError, which names the
// tensors, when a type does not fit a tensor's shape and has no substitute, or needs an importance matrix; and with
// other errors when the matrix belongs to another model, an override matches nothing, or the source is quantized
// already.
func NewPlan(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options) (*Plan, error) {
	r, err := newResolver(c, imatrix, o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Format: r.format, Options: o}
	order := fileOrder(c.Tensors)
	if o.KeepSplit {
		order = shardOrder(c.Tensors)
	}
	var misfits []string
	var misfit *misfitError
	for _, i := range order {
		t, err := r.resolve(c.Tensors[i].Tensor)
		if errors.As(err, &misfit) {
			misfits = append(misfits, c.Tensors[i].Name)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: tensor %s: %w", r.format.Name, c.Tensors[i].Name, err)
		}
		t.index = i
		p.Tensors = append(p.Tensors, t)
	}
	if misfits != nil {
		return nil, &BlockedError{p.subject(), misfits, "cannot be encoded: " + misfit.Error()}
	}
	if err := r.overrides.check(); err != nil {
		return nil, err
	}
	p.Overrides = r.overrides
	if !o.AllowRequantize {
		if err := refuseRequantize(p.Tensors); err != nil {
			return nil, fmt.Errorf("%s: %w", r.format.Name, err)
		}
	}
	if p.Warnings, err = weigh(p, c, imatrix); err != nil {
		return nil, err
	}
	if p.Metadata, err = metadata(c, p.Format, imatrix, o); err != nil {
		return nil, err
	}
	if err := p.measure(); err != nil {
		return nil, err
	}
	return p, p.split(c)
}

// measure sets the counts and the layout.
func (p *Plan) measure() error {
	for i := range p.Tensors {
		t := &p.Tensors[i]
		size, err := t.Bytes()
		if err != nil {
			return err
		}
		t.Size = size
		p.Parameters += t.Elements()
		p.PayloadBits += 8 * size
		if t.Fallback {
			p.Fallbacks++
		}
	}
	layout, err := gguf.NewLayout(p.Metadata, p.GGUFTensors())
	if err != nil {
		return err
	}
	p.Layout, p.FileBytes = layout, layout.FileBytes
	return nil
}

// refuseRequantize fails when quantized tensors would be encoded anew.
func refuseRequantize(tensors []Planned) error {
	var names []string
	for _, t := range tensors {
		if t.Source.Quantized() && t.Converted() {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("the source is quantized already: %s would be encoded a second time, which loses quality; "+
		"start from the unquantized model, or pass --allow-requantize", listed(names))
}

// listed names up to three tensors and counts all: "4 tensors (a, b, c, ...)".
func listed(names []string) string {
	const show = 3
	text := strings.Join(names[:min(show, len(names))], ", ")
	if len(names) > show {
		text += ", ..."
	}
	noun := "tensors"
	if len(names) == 1 {
		noun = "tensor"
	}
	return fmt.Sprintf("%d %s (%s)", len(names), noun, text)
}
