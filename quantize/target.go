package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/bpw"
	"bitmill/formats/checkpoint"
	"bitmill/formats/imatrix"
)

// Target is a size that an artifact approaches as far as it can without exceeding it. One field is set.
type Target struct {
	BPW   float64 // payload bits per weight
	Bytes int64   // of the artifact, all its files together
}

func (t Target) String() string {
	if t.Bytes > 0 {
		return fmt.Sprintf("%d bytes", t.Bytes)
	}
	return fmt.Sprintf("%v bits per weight", t.BPW)
}

// Name is that of a mix which the target makes: "3.25 bpw", "700 MB", "8 GiB" or "1234567 bytes".
func (t Target) Name() string {
	if t.Bytes <= 0 {
		return fmt.Sprintf("%v bpw", t.BPW)
	}
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if t.Bytes%u.bytes == 0 {
			return fmt.Sprintf("%d %s", t.Bytes/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", t.Bytes)
}

// excess is the number of bytes by which a plan is too large; negative: bytes that are left.
func (t Target) excess(p *Plan) int64 {
	if t.Bytes > 0 {
		return p.FileBytes - t.Bytes
	}
	return int64(math.Ceil(float64(p.PayloadBits-int64(t.BPW*float64(p.Parameters))) / 8))
}

// UnreachableError is a target that no choice of types meets.
type UnreachableError struct {
	Target                Target
	Least, Most           bpw.Count // what can be reached
	LeastBytes, MostBytes int64
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s cannot be reached: these options allow from %s bits per weight (%d bytes) to %s (%d bytes)",
		e.Target, e.Least, e.LeastBytes, e.Most, e.MostBytes)
}

// NewTargetPlan plans an artifact that fills a size with the types of the smallest measured error. o.Format decides
// which tensors keep their type and is named in the metadata; when it is empty, the headline format nearest in size
// takes its place. Types that the options give by name stay. It fails with an UnreachableError when the target cannot
// be met. A Mixer plans for several sizes.
//
// The method: some rows of every matrix are encoded as each type. The error of a type is the squared difference from
// the source, weighted with the importance matrix (without one, evenly), over the squared source with the same
// weights: the noise of the layer's output, as a share of it. It is multiplied by the matrix's share in the divergence
// (Options.Shares). All matrices start with their smallest type; then the step to a larger type that removes the most
// error per byte is taken, again and again, until none fits. With o.Unmeasured types count by their bits: the plan has
// about the size that the artifact will have.
func NewTargetPlan(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options, target Target,
	how checkpoint.Pass) (*Plan, error) {
	return NewMixer(c, imatrix, o, how).Plan(ctx, target)
}

// NewChosenPlan plans an artifact that is no larger than the format's own, with other types: as NewTargetPlan with the
// size of the format.
func NewChosenPlan(ctx context.Context, c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options,
	how checkpoint.Pass) (*Plan, error) {
	own, err := NewPlan(c, imatrix, o)
	if err != nil || o.Unmeasured || o.AssumeImatrix || c.Planned { // nothing to measure errors by: the size is right
		return own, err
	}
	p, err := NewTargetPlan(ctx, c, imatrix, o, Target{Bytes: own.FileBytes}, how)
	if unreachable := new(UnreachableError); errors.As(err, &unreachable) {
		return own, nil // the format is as small, or as large, as can be
	}
	return p, err
}

// nearest plans the format, or the headline format whose size is nearest to the target.
func nearest(c *checkpoint.Checkpoint, imatrix *imatrix.Matrix, o Options, target Target) (best *Plan, err error) {
	if o.Format != "" {
		return NewPlan(c, imatrix, o)
	}
	for _, name := range Headline() {
		o.Format = name
		p, err := NewPlan(c, imatrix, o)
		if err != nil {
			return nil, err
		}
		if best == nil || math.Abs(float64(target.excess(p))) < math.Abs(float64(target.excess(best))) {
			best = p
		}
	}
	return best, nil
}

// reachable fails with an UnreachableError unless the target lies between the smallest and the largest plan. It leaves
// every choice at its smallest type.
func reachable(list []choice, planned func() (*Plan, error), target Target) error {
	least, most, err := ends(list, planned)
	if err != nil {
		return err
	}
	if target.excess(least) > 0 || target.excess(most) < 0 {
		return &UnreachableError{target, least.BPW(), most.BPW(), least.FileBytes, most.FileBytes}
	}
	return nil
}

// ends are the plans with the smallest and with the largest types. They leave every choice at its smallest.
func ends(list []choice, planned func() (*Plan, error)) (least, most *Plan, err error) {
	for i := range list {
		list[i].at = len(list[i].options) - 1
	}
	if most, err = planned(); err != nil {
		return nil, nil, err
	}
	restart(list)
	least, err = planned()
	return least, most, err
}

// restart gives every choice its smallest type.
func restart(list []choice) {
	for i := range list {
		list[i].at = 0
	}
}

// TargetTypes are the types that NewTargetPlan tries in every matrix, with importance weights or without.
func TargetTypes(weighted bool) []formats.Type {
	if weighted {
		return append(candidates[:len(candidates):len(candidates)], weightedCandidates...)
	}
	return candidates
}

// candidates are the types to choose from, besides the source's own; weightedCandidates only with importance weights.
var (
	candidates = []formats.Type{
		formats.Q2_K, formats.Q3_K, formats.Q4_K, formats.Q5_K, formats.Q6_K, formats.Q8_0,
	}
	weightedCandidates = []formats.Type{
		formats.IQ1_S, formats.IQ1_M, formats.IQ2_XXS, formats.IQ2_XS, formats.IQ2_S, formats.IQ3_XXS, formats.IQ3_S,
		formats.IQ4_XS,
	}
)
