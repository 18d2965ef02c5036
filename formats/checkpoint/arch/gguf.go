package arch

import (
	"cmp"
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
// far as it can. The error says why the model cannot be evaluated. Without one, unread lists the keys of the
// architecture that may change what the model computes, in ways that nobody here knows.
func Read(m *gguf.Metadata, tensor func(name string) (Values, bool)) (c Config, unread []string, err error) {
	r := &reader{m: recorded{m, map[string]bool{}}, tensor: tensor}
	if err = r.config(); err == nil {
		unread = r.unread()
	}
	return r.cfg, unread, err
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
	cfg.NextN = r.int("nextn_predict_layers", 0)
	cfg.Layers = r.int("block_count", -1) - cfg.NextN
	cfg.Context = r.int("context_length", 0)
	cfg.Width = r.int("embedding_length", -1)
	r.sizes(cfg)
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
	eps := "attention.layer_norm_rms_epsilon"
	if cfg.Norm == LayerNorm {
		eps = "attention.layer_norm_epsilon"
	}
	if _, ok := r.m.Get(cfg.Arch + "." + eps); !ok && f.OtherEps != "" {
		eps = f.OtherEps
	}
	cfg.NormEps = float32(r.need(eps))
	if r.err != nil {
		return r.err
	}
	if cfg.Layers < 1 || cfg.Layers > maxLayers {
		return cfg.check()
	}
	if count > 0 && cfg.Experts == nil {
		return fmt.Errorf("%w: architecture %s with %d experts", formats.ErrUnsupported, cfg.Arch, count)
	}
	r.gaps(cfg, f)
	r.experts(cfg, count, f.DenseToo)
	if n := r.int("attention.value_length", cfg.HeadDim); n != cfg.HeadDim && cfg.Latent == nil {
		return fmt.Errorf("%w: values of %d and keys of %d per head", formats.ErrUnsupported, n, cfg.HeadDim)
	}
	scaling := r.rope(f)
	if f.Read != nil {
		f.Read(r, cfg)
	}
	r.extras()
	return cmp.Or(r.err, scaling, cfg.check()) // one sentence: what follows the first may be a consequence
}

// experts reads the sizes of the experts, if the model has any; dense says that it need not.
func (r *reader) experts(c *Config, count int, dense bool) {
	if c.Experts == nil {
		return
	}
	if count == 0 && dense {
		c.Experts = nil
		return
	}
	e := *c.Experts
	e.Count, e.Used = count, r.int("expert_used_count", -min(count, 1))
	e.FFN = r.int("expert_feed_forward_length", c.FFN)
	e.Shared = r.int("expert_shared_feed_forward_length", 0)
	c.Experts = &e
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
	if v, ok, err := r.m.Float(EmbeddingKey); ok && err == nil {
		r.cfg.Scale.Embedding = v
	}
	if v, ok, err := r.m.Float(ScoreScaleKey); ok && err == nil {
		r.cfg.Scale.Attention = v
	}
	if v, ok, err := r.m.Bool(ByLayerKey); ok && err == nil {
		r.cfg.Scale.ByLayer = v
	}
	if name, ok, err := r.m.String(ActivationKey); ok && err == nil {
		act, known := activationNames[name]
		if r.cfg.Activation = act; !known {
			r.fail(fmt.Errorf("%w: metadata key %s is %q", formats.ErrUnsupported, ActivationKey, name))
		}
	}
	if n, ok, err := r.m.Uint(GatingKey); ok && err == nil && r.cfg.Experts != nil && n-1 < uint64(len(gatings)) {
		r.cfg.Experts.Gating = gatings[n-1]
	}
	if v, ok, err := r.m.Bool(NormalizeKey); ok && err == nil && r.cfg.Experts != nil {
		r.cfg.Experts.Normalize = v
	}
}
