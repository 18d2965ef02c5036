package arch

import (
	"cmp"
	"fmt"

	"bitmill/formats"
)

// window reads the sliding window of a model where all layers except every n-th have it, unless the file lists them.
// Without a key it is otherwise.
func (r *reader) window(c *Config, n, otherwise int) {
	const key = "attention.sliding_window_pattern"
	c.Window = r.int("attention.sliding_window", otherwise)
	listed := false
	if v, ok := r.m.Get(r.arch + "." + key); ok {
		_, listed = v.([]bool)
	}
	switch {
	case c.Window == 0:
	case listed:
		c.WindowLayers = r.layers(r.arch+"."+key, c.Layers+c.NextN)
		c.WindowLayers = c.WindowLayers[:min(c.Layers, len(c.WindowLayers))]
	default:
		c.WindowLayers = everyNth(r.int(key, n), c.Layers)
	}
}

// localRope reads the RoPE base of the layers with a window, which no scaling changes.
func (r *reader) localRope(c *Config, otherwise float64) {
	c.LocalRope = &Rope{Base: r.float("rope.freq_base_swa", otherwise), Dims: c.Rope.Dims, Interleaved: c.Rope.Interleaved}
}

// localBase reads the RoPE base of the layers with a window, whose RoPE is scaled as that of the others.
func (r *reader) localBase(c *Config) {
	base := r.float("rope.freq_base_swa", c.Rope.Base)
	if base == c.Rope.Base {
		return
	}
	local := c.Rope
	if local.Base = base; r.ramp != nil {
		local.Factors = r.ramp(local)
	}
	c.LocalRope = &local
}

// sections reads how many pairs of a head turn by each coordinate of a place in a picture. In a text all of them are
// the position, but with sections pairs are half a head apart.
func (r *reader) sections(c *Config) {
	key := r.arch + ".rope.dimension_sections"
	n, ok, err := r.m.Ints(key)
	r.fail(err)
	switch {
	case !ok || err != nil:
	case len(n) != 4:
		r.fail(fmt.Errorf("%w: metadata key %s has %d numbers, not 4", formats.ErrCorrupt, key, len(n)))
	case n[0] <= 0 || n[1] <= 0: // none
	case n[3] != 0:
		r.fail(fmt.Errorf("%w: metadata key %s has a fourth section, whose %d pairs texts do not turn",
			formats.ErrUnsupported, key, n[3]))
	default:
		c.Rope.Interleaved = false
	}
}

// ropeScaling is the scaling that a file asks for.
type ropeScaling struct {
	kind                  string  // rope.scaling.type
	factor                float64 // 1: none
	original              int     // context length
	magnitude             float64 // of queries and keys
	fast, slow, yarn, ext float64 // of YaRN; yarn is its own magnitude, 0: the usual one
}

// ropeScaling reads the keys. A factor without a type is that of linear scaling, which had a key of its own once.
func (r *reader) ropeScaling() (s ropeScaling) {
	s.kind = r.string(r.arch + ".rope.scaling.type")
	s.factor = cmp.Or(r.float("rope.scaling.factor", r.float("rope.scale_linear", 0)), 1)
	s.original = r.int("rope.scaling.original_context_length", r.cfg.Context)
	if s.magnitude = r.float("rope.scaling.attn_factor", 1); !(s.magnitude > 0) {
		r.fail(fmt.Errorf("%w: metadata key %s.rope.scaling.attn_factor is %v", formats.ErrCorrupt, r.arch, s.magnitude))
	}
	if s.kind == "" && s.factor != 1 {
		s.kind = "linear"
	}
	if s.kind == "yarn" {
		s.fast, s.slow = r.float("rope.scaling.yarn_beta_fast", 32), r.float("rope.scaling.yarn_beta_slow", 1)
		s.yarn, s.ext = r.float("rope.scaling.yarn_attn_factor", 0), r.float("rope.scaling.yarn_ext_factor", -1)
	}
	return s
}

// rope fills Config.Rope. It fails for a scaling that cannot be evaluated.
func (r *reader) rope(f *family) error {
	rope := &r.cfg.Rope
	rope.Interleaved = f.Interleaved
	rope.Base = r.float("rope.freq_base", 10000)
	if rope.Dims = r.int("rope.dimension_count", r.cfg.HeadDim); rope.Dims > r.cfg.HeadDim {
		return rope.check(r.cfg.HeadDim)
	}
	factors, err := r.ropeFactors("rope_freqs.weight", rope.Dims)
	if err != nil {
		return err
	}
	if factors != nil {
		rope.Scaling, rope.Factors = "llama3", factors
	}
	s := r.ropeScaling()
	if s.magnitude != 1 {
		rope.Magnitude = s.magnitude
	}
	switch s.kind {
	case "", "none", "longrope":
		if s.kind == "longrope" && s.factor != 1 {
			return fmt.Errorf("%w: RoPE scaling longrope with a factor of %v", formats.ErrUnsupported, s.factor)
		}
		return r.longRope(s)
	case "linear":
		if rope.Scaling, rope.Factor = "linear", s.factor; !(s.factor > 0) {
			return fmt.Errorf("%w: RoPE scaling factor %v", formats.ErrCorrupt, s.factor)
		}
	case "yarn":
		return r.yarn(s, f.Smooth)
	default:
		return fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, s.kind)
	}
	return nil
}

func (r *reader) yarn(s ropeScaling, smooth bool) error {
	rope := &r.cfg.Rope
	switch {
	case s.ext >= 0 && s.ext != 1:
		return fmt.Errorf("%w: RoPE scaling yarn with an extrapolation factor of %v", formats.ErrUnsupported, s.ext)
	case rope.Factors != nil:
		return fmt.Errorf("%w: RoPE scaling yarn and a tensor rope_freqs.weight", formats.ErrUnsupported)
	}
	rope.Scaling, rope.Factor, rope.OriginalContext = "yarn", s.factor, s.original
	r.ramp = func(rope Rope) []float32 { return yarnFactors(rope, s.fast, s.slow, smooth) }
	rope.Factors = r.ramp(*rope)
	rope.Magnitude = cmp.Or(s.yarn, new(ropeParameters).yarnMagnitude(s.factor)) * s.magnitude
	return nil
}

// longRope reads the factors for short and long contexts, if the file has them.
func (r *reader) longRope(s ropeScaling) (err error) {
	rope := &r.cfg.Rope
	if _, ok := r.tensor("rope_factors_short.weight"); !ok {
		return nil
	}
	if rope.Factors, err = r.ropeFactors("rope_factors_short.weight", rope.Dims); err != nil {
		return err
	}
	rope.Scaling, rope.OriginalContext, rope.Magnitude = "longrope", s.original, s.magnitude
	rope.LongFactors, err = r.ropeFactors("rope_factors_long.weight", rope.Dims)
	return err
}

// ropeFactors reads a tensor of one factor per pair; nil when there is none.
func (r *reader) ropeFactors(name string, dims int) ([]float32, error) {
	t, ok := r.tensor(name)
	if !ok {
		return nil, nil
	}
	if t.Elements() != int64(dims/2) {
		return nil, fmt.Errorf("%w: tensor %s has %d values for %d rotary dimensions", formats.ErrCorrupt, name, t.Elements(),
			dims)
	}
	factors := make([]float32, t.Elements())
	if err := t.Floats(factors, 0, t.Rows()); err != nil {
		return nil, err
	}
	for i, v := range factors {
		if !(v > 0) {
			return nil, fmt.Errorf("%w: tensor %s: value %d is %v", formats.ErrCorrupt, name, i, v)
		}
	}
	return factors, nil
}
