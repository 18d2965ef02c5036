package checkpoint

import (
	"errors"
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// openGGUF opens a GGUF file: tensors and metadata as they are. What stands against evaluating it, an unknown
// architecture or a missing tensor, goes to ConfigErr.
func openGGUF(path string) (*Checkpoint, error) {
	file, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: path, Metadata: file.Metadata, close: file.Close}
	for _, s := range file.Shards {
		c.files = append(c.files, s.Path)
	}
	for _, t := range file.Tensors {
		c.Tensors = append(c.Tensors, Tensor{Tensor: t.Tensor, Source: t.Name, Shard: t.Shard, parts: [][]byte{t.Data}, stored: t.Type})
	}
	if i := slices.IndexFunc(c.Tensors, func(t Tensor) bool { return len(t.Shape) > 1 }); i >= 0 {
		c.DominantType = c.Tensors[i].Type
	}
	c.reindex()
	if c.ConfigErr = c.readMetadata(); errors.Is(c.ConfigErr, formats.ErrUnsupported) {
		c.Warnings = append(c.Warnings, fmt.Sprintf("the model can be quantized, each tensor by its name and shape, but not evaluated: %v", c.ConfigErr))
	}
	c.Tokenizer, c.TokenizerErr = tokenizer.FromMetadata(file.Metadata)
	if c.TokenizerErr != nil {
		c.Tokenizer = nil
		return c, nil
	}
	c.Warnings = append(c.Warnings, c.Tokenizer.Warnings...)
	return c, nil
}

// reader reads the architecture's keys and keeps the first error.
type reader struct {
	m    *gguf.Metadata
	arch string
	err  error
}

func (r *reader) fail(err error) {
	if err != nil && r.err == nil {
		r.err = err
	}
}

// int reads ARCH.key. Without the key it is otherwise, or an error when that is negative.
func (r *reader) int(key string, otherwise int) int {
	key = r.arch + "." + key
	v, ok, err := r.m.Uint(key)
	r.fail(err)
	switch {
	case err == nil && ok && v > maxDim*16:
		r.fail(fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, key, v))
	case ok && err == nil:
		return int(v)
	case !ok && err == nil && otherwise < 0:
		r.fail(fmt.Errorf("%w: there is no metadata key %s", formats.ErrCorrupt, key))
	}
	return max(otherwise, 0)
}

func (r *reader) float(key string, otherwise float64) float64 {
	v, ok, err := r.m.Float(r.arch + "." + key)
	r.fail(err)
	if !ok || err != nil {
		return otherwise
	}
	return v
}

func (r *reader) string(key string) string {
	v, _, err := r.m.String(key)
	r.fail(err)
	return v
}

// readMetadata fills Config from the metadata and the tensors as far as they go, and returns what stands against
// evaluating the model.
func (c *Checkpoint) readMetadata() error {
	r := &reader{m: c.Metadata}
	cfg := &c.Config
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
	if t, ok := c.Tensor("token_embd.weight"); ok {
		cfg.Vocab = int(min(t.Rows(), maxDim+1))
	}
	if _, ok := c.Tensor("output.weight"); !ok {
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
	scaling := c.readRope(r, f)
	if f.Read != nil {
		f.Read(r, cfg)
	}
	c.readExtras(r)
	if err := errors.Join(r.err, scaling, cfg.check()); err != nil {
		return err
	}
	return c.complete(f)
}

// experts reads the sizes of the experts of a model that has some.
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

// window reads the sliding window of a model in which all layers but every n-th have it.
func (r *reader) window(c *Config, n int) {
	if c.Window = r.int("attention.sliding_window", 0); c.Window > 0 {
		c.WindowLayers = everyNth(r.int("attention.sliding_window_pattern", n), c.Layers)
	}
}

// localRope reads the base of the layers with a window.
func (r *reader) localRope(c *Config, otherwise float64) {
	c.LocalRope = &Rope{Base: r.float("rope.freq_base_swa", otherwise), Dims: c.Rope.Dims, Interleaved: c.Rope.Interleaved}
}

// readRope fills Config.Rope; the error is a scaling that cannot be evaluated.
func (c *Checkpoint) readRope(r *reader, f *family) error {
	rope := &c.Config.Rope
	rope.Interleaved = f.Interleaved
	rope.Base = r.float("rope.freq_base", 10000)
	if rope.Dims = r.int("rope.dimension_count", c.Config.HeadDim); rope.Dims > c.Config.HeadDim {
		return rope.check(c.Config.HeadDim)
	}
	factors, err := c.ropeFactors("rope_freqs.weight", rope.Dims)
	if err != nil {
		return err
	}
	if factors != nil {
		rope.Scaling, rope.Factors = "llama3", factors
	}
	key := r.arch + ".rope.scaling.type"
	switch s := r.string(key); s {
	case "", "none", "longrope":
		return c.readLongRope(r)
	case "linear":
		rope.Scaling, rope.Factor = "linear", r.float("rope.scaling.factor", 1)
		if !(rope.Factor > 0) {
			return fmt.Errorf("%w: RoPE scaling factor %v", formats.ErrCorrupt, rope.Factor)
		}
	case "yarn":
		rope.Scaling, rope.Factor = "yarn", r.float("rope.scaling.factor", 1)
		rope.OriginalContext = r.int("rope.scaling.original_context_length", c.Config.Context)
		rope.Factors = yarnFactors(*rope, r.float("rope.scaling.yarn_beta_fast", 32), r.float("rope.scaling.yarn_beta_slow", 1), f.Smooth)
		rope.Magnitude = r.float("rope.scaling.yarn_attn_factor", new(ropeParameters).yarnMagnitude(rope.Factor))
	default:
		return fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, s)
	}
	return nil
}

// readLongRope reads the factors for short and long contexts, of files that have them.
func (c *Checkpoint) readLongRope(r *reader) (err error) {
	rope := &c.Config.Rope
	if _, ok := c.Tensor("rope_factors_short.weight"); !ok {
		return nil
	}
	if rope.Factors, err = c.ropeFactors("rope_factors_short.weight", rope.Dims); err != nil {
		return err
	}
	rope.Scaling, rope.OriginalContext = "longrope", r.int("rope.scaling.original_context_length", c.Config.Context)
	rope.Magnitude = r.float("rope.scaling.attn_factor", 1)
	rope.LongFactors, err = c.ropeFactors("rope_factors_long.weight", rope.Dims)
	return err
}

// ropeFactors reads a tensor of one factor per pair; nil when there is none.
func (c *Checkpoint) ropeFactors(name string, dims int) ([]float32, error) {
	t, ok := c.Tensor(name)
	if !ok {
		return nil, nil
	}
	if t.Elements() != int64(dims/2) {
		return nil, fmt.Errorf("%w: tensor %s has %d values for %d rotary dimensions", formats.ErrCorrupt, name, t.Elements(), dims)
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

// readExtras reads the keys of ExtraMetadata.
func (c *Checkpoint) readExtras(r *reader) {
	v, ok, err := c.Metadata.Uint(WindowKey)
	r.fail(err)
	if ok && v > 1<<31-1 {
		r.fail(fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, WindowKey, v))
	} else if ok && err == nil {
		c.Config.Window = int(v)
		c.Config.WindowLayers = r.layers(WindowLayersKey, c.Config.Layers)
	}
	if _, ok := c.Metadata.Get(RopeLayersKey); ok {
		c.Config.RopeLayers = r.layers(RopeLayersKey, c.Config.Layers)
	}
	if v, ok, err := c.Metadata.Float(ScoreScaleKey); ok && err == nil {
		c.Config.Scale.Attention = v
	}
	if v, ok, err := c.Metadata.Bool(NormalizeKey); ok && err == nil && c.Config.Experts != nil {
		c.Config.Experts.Normalize = v
	}
}

// layers reads one bool per layer; nil without the key.
func (r *reader) layers(key string, n int) []bool {
	x, ok := r.m.Get(key)
	if !ok {
		return nil
	}
	layers, is := x.([]bool)
	if !is || len(layers) != n {
		r.fail(fmt.Errorf("%w: metadata key %s is not one bool per layer", formats.ErrCorrupt, key))
		return nil
	}
	return layers
}
