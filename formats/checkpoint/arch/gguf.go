package arch

import (
	"errors"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// Values is a tensor as Read needs it.
type Values interface {
	Rows() int64
	Elements() int64
	Floats(dst []float32, first, n int64) error // rows
}

// Read fills a Config from the metadata of a GGUF file and, through tensor, from the few tensors that matter for it, as
// far as it can. The error says why the model cannot be evaluated.
func Read(m *gguf.Metadata, tensor func(name string) (Values, bool)) (Config, error) {
	r := &reader{m: m, tensor: tensor}
	err := r.config()
	return r.cfg, err
}

// config fills the Config.
func (r *reader) config() error {
	cfg := &r.cfg
	cfg.Name = r.string("general.name")
	cfg.Arch = r.string("general.architecture")
	if r.err == nil && cfg.Arch == "" {
		return fmt.Errorf("%w: there is no metadata key general.architecture", formats.ErrCorrupt)
	}
	r.arch, cfg.Family = cfg.Arch, cfg.Arch
	cfg.Layers = r.int("block_count", -1)
	cfg.Context = r.int("context_length", 0)
	cfg.Width = r.int("embedding_length", -1)
	cfg.FFN = r.int("feed_forward_length", -1)
	cfg.Heads = r.int("attention.head_count", -1)
	cfg.KVHeads = r.int("attention.head_count_kv", cfg.Heads)
	cfg.HeadDim = r.int("attention.key_length", cfg.Width/max(cfg.Heads, 1))
	if t, ok := r.tensor("token_embd.weight"); ok {
		cfg.Vocab = int(min(t.Rows(), maxDim+1))
	}
	if _, ok := r.tensor("output.weight"); !ok {
		cfg.Tied = true
	}
	count := r.int("expert_count", 0)
	f, err := familyOfArch(cfg.Arch, count > 0)
	if err != nil {
		return err
	}
	cfg.Variant = f.Variant
	if cfg.Norm == LayerNorm {
		cfg.NormEps = float32(r.float("attention.layer_norm_epsilon", 1e-5))
	} else {
		cfg.NormEps = float32(r.float("attention.layer_norm_rms_epsilon", 0))
	}
	if r.err != nil {
		return r.err
	}
	if cfg.Layers > maxLayers {
		return cfg.check()
	}
	if count > 0 && cfg.Experts == nil {
		return fmt.Errorf("%w: architecture %s with %d experts", formats.ErrUnsupported, cfg.Arch, count)
	}
	r.experts(cfg, count)
	if n := r.int("attention.value_length", cfg.HeadDim); n != cfg.HeadDim && cfg.Latent == nil {
		return fmt.Errorf("%w: values of %d and keys of %d per head", formats.ErrUnsupported, n, cfg.HeadDim)
	}
	scaling := r.rope(f)
	if f.Read != nil {
		f.Read(r, cfg)
	}
	r.extras()
	return errors.Join(r.err, scaling, cfg.check())
}

// experts reads the sizes of the experts, if the model has any.
func (r *reader) experts(c *Config, count int) {
	if c.Experts == nil {
		return
	}
	e := *c.Experts
	e.Count, e.Used = count, r.int("expert_used_count", -1)
	e.FFN = r.int("expert_feed_forward_length", c.FFN)
	e.Shared = r.int("expert_shared_feed_forward_length", 0)
	c.Experts = &e
}

// window reads the sliding window of a model where all layers except every n-th have it.
func (r *reader) window(c *Config, n int) {
	if c.Window = r.int("attention.sliding_window", 0); c.Window > 0 {
		c.WindowLayers = everyNth(r.int("attention.sliding_window_pattern", n), c.Layers)
	}
}

// localRope reads the RoPE base of the layers with a window.
func (r *reader) localRope(c *Config, otherwise float64) {
	c.LocalRope = &Rope{Base: r.float("rope.freq_base_swa", otherwise), Dims: c.Rope.Dims, Interleaved: c.Rope.Interleaved}
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
	key := r.arch + ".rope.scaling.type"
	switch s := r.string(key); s {
	case "", "none", "longrope":
		return r.longRope()
	case "linear":
		rope.Scaling, rope.Factor = "linear", r.float("rope.scaling.factor", 1)
		if !(rope.Factor > 0) {
			return fmt.Errorf("%w: RoPE scaling factor %v", formats.ErrCorrupt, rope.Factor)
		}
	case "yarn":
		rope.Scaling, rope.Factor = "yarn", r.float("rope.scaling.factor", 1)
		rope.OriginalContext = r.int("rope.scaling.original_context_length", r.cfg.Context)
		rope.Factors = yarnFactors(*rope, r.float("rope.scaling.yarn_beta_fast", 32),
			r.float("rope.scaling.yarn_beta_slow", 1), f.Smooth)
		rope.Magnitude = r.float("rope.scaling.yarn_attn_factor", new(ropeParameters).yarnMagnitude(rope.Factor))
	default:
		return fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, s)
	}
	return nil
}

// longRope reads the factors for short and long contexts, if the file has them.
func (r *reader) longRope() (err error) {
	rope := &r.cfg.Rope
	if _, ok := r.tensor("rope_factors_short.weight"); !ok {
		return nil
	}
	if rope.Factors, err = r.ropeFactors("rope_factors_short.weight", rope.Dims); err != nil {
		return err
	}
	rope.Scaling, rope.OriginalContext = "longrope", r.int("rope.scaling.original_context_length", r.cfg.Context)
	rope.Magnitude = r.float("rope.scaling.attn_factor", 1)
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

// extras reads the keys of ExtraMetadata.
func (r *reader) extras() {
	v, ok, err := r.m.Uint(WindowKey)
	r.fail(err)
	if ok && v > 1<<31-1 {
		r.fail(fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, WindowKey, v))
	} else if ok && err == nil {
		r.cfg.Window = int(v)
		r.cfg.WindowLayers = r.layers(WindowLayersKey, r.cfg.Layers)
	}
	if _, ok := r.m.Get(RopeLayersKey); ok {
		r.cfg.RopeLayers = r.layers(RopeLayersKey, r.cfg.Layers)
	}
	if v, ok, err := r.m.Float(ScoreScaleKey); ok && err == nil {
		r.cfg.Scale.Attention = v
	}
	if v, ok, err := r.m.Bool(NormalizeKey); ok && err == nil && r.cfg.Experts != nil {
		r.cfg.Experts.Normalize = v
	}
}
