package checkpoint

import (
	"errors"
	"fmt"

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
		c.Tensors = append(c.Tensors, Tensor{Tensor: t.Tensor, Source: t.Name, Shard: t.Shard, raw: t.Data, stored: t.Type})
	}
	c.reindex()
	c.ConfigErr = c.readMetadata()
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
	cfg.NormEps = float32(r.float("attention.layer_norm_rms_epsilon", 0))
	if t, ok := c.Tensor("token_embd.weight"); ok {
		cfg.Vocab = int(min(t.Rows(), maxDim+1))
	}
	if _, ok := c.Tensor("output.weight"); !ok {
		cfg.Tied = true
	}
	scaling := c.readRope(r)
	c.readWindow(r)
	f, err := familyOfArch(cfg.Arch)
	if err != nil {
		return err
	}
	cfg.Rope.Interleaved = f.Interleaved
	if r.err != nil {
		return r.err
	}
	if n := r.int("expert_count", 0); n > 0 {
		return fmt.Errorf("%w: architecture %s with %d experts", formats.ErrUnsupported, cfg.Arch, n)
	}
	if n := r.int("attention.value_length", cfg.HeadDim); n != cfg.HeadDim {
		return fmt.Errorf("%w: values of %d and keys of %d per head", formats.ErrUnsupported, n, cfg.HeadDim)
	}
	if err := errors.Join(r.err, scaling, cfg.check()); err != nil {
		return err
	}
	return c.complete(f)
}

// readRope fills Config.Rope; the error is a scaling that cannot be evaluated.
func (c *Checkpoint) readRope(r *reader) error {
	rope := &c.Config.Rope
	rope.Base = r.float("rope.freq_base", 10000)
	rope.Dims = r.int("rope.dimension_count", c.Config.HeadDim)
	if t, ok := c.Tensor("rope_freqs.weight"); ok {
		factors := make([]float32, t.Elements())
		if t.Elements() != int64(rope.Dims/2) {
			return fmt.Errorf("%w: tensor rope_freqs.weight has %d values for %d rotary dimensions", formats.ErrCorrupt, t.Elements(), rope.Dims)
		}
		if err := t.Floats(factors, 0, t.Rows()); err != nil {
			return err
		}
		for i, v := range factors {
			if !(v > 0) {
				return fmt.Errorf("%w: tensor rope_freqs.weight: value %d is %v", formats.ErrCorrupt, i, v)
			}
		}
		rope.Scaling, rope.Factors = "llama3", factors
	}
	key := r.arch + ".rope.scaling.type"
	switch s := r.string(key); s {
	case "", "none":
	case "linear":
		rope.Scaling, rope.Factor = "linear", r.float("rope.scaling.factor", 1)
		if !(rope.Factor > 0) {
			return fmt.Errorf("%w: RoPE scaling factor %v", formats.ErrCorrupt, rope.Factor)
		}
	default:
		return fmt.Errorf("%w: RoPE scaling %q", formats.ErrUnsupported, s)
	}
	return nil
}

// readWindow reads the keys of ExtraMetadata. llama.cpp honours a window key of its own in none of the architectures
// of families, so none is read.
func (c *Checkpoint) readWindow(r *reader) {
	v, ok, err := c.Metadata.Uint(WindowKey)
	r.fail(err)
	if !ok || err != nil {
		return
	}
	if v > 1<<31-1 {
		r.fail(fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, WindowKey, v))
		return
	}
	c.Config.Window = int(v)
	if x, ok := c.Metadata.Get(WindowLayersKey); ok {
		layers, is := x.([]bool)
		if !is || len(layers) != c.Config.Layers {
			r.fail(fmt.Errorf("%w: metadata key %s is not one bool per layer", formats.ErrCorrupt, WindowLayersKey))
			return
		}
		c.Config.WindowLayers = layers
	}
}
