package infer

import (
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
)

// layer binds the tensors of layer i. Which of them exist decides what the layer does.
func (l *loader) layer(i int) layer {
	c := &l.c.Config
	blk := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
	first := branch{norm: l.norm(blk("attn_norm"), c.Width), scale: float32(c.Scale.Residual)}
	second := branch{parallel: c.Parallel, after: l.norm(blk("post_ffw_norm"), c.Width), scale: first.scale}
	switch {
	case c.Single:
		second.norm = first.norm
	case c.FFNNorm == "":
		second.norm, first.after = l.norm(blk("ffn_norm"), c.Width), l.norm(blk("post_attention_norm"), c.Width)
	default:
		second.norm = l.norm(blk(c.FFNNorm), c.Width)
	}
	if c.Parallel && second.norm.gain != nil {
		second.parallel, second.beside = false, true
	}
	var list layer
	for _, m := range l.mixers(i, blk) {
		b := first
		b.mixer, b.parallel = m, len(list) > 0
		list = append(list, b)
	}
	if second.mixer = l.feeding(i, blk); second.mixer != nil {
		list = append(list, second)
	}
	return l.wrapped(list, i, blk)
}

// mixers binds the mixers of layer i. Those side by side read the same norm.
func (l *loader) mixers(i int, blk func(string) string) []mixer {
	switch kind := l.c.Config.OfLayer(i).Mixer; kind {
	case arch.Attention:
		return []mixer{l.attending(i, blk)}
	case arch.Conv:
		return []mixer{l.shortConv(blk)}
	case arch.NoMixer:
		return nil
	case arch.Delta:
		return []mixer{l.delta(blk)}
	case arch.Mamba:
		return []mixer{l.mamba(blk)}
	case arch.AttentionMamba:
		return []mixer{l.attending(i, blk), l.mamba(blk)}
	default:
		l.fail(fmt.Errorf("layer %d: %w: a mixer of kind %d", i, formats.ErrUnsupported, kind))
		return nil
	}
}

// attending binds the attention of layer i.
func (l *loader) attending(i int, blk func(string) string) mixer {
	switch c := l.c.Config.OfLayer(i); {
	case c.Latent != nil:
		return l.mla(i, blk)
	case c.KV == arch.EarlierKV:
		return l.sharing(i, blk)
	}
	return l.gqa(i, blk)
}

// feeding binds the feed-forward layer or the experts of layer i; nil when it has none.
func (l *loader) feeding(i int, blk func(string) string) mixer {
	c := &l.c.Config
	switch {
	case c.ExpertLayer(i) && c.BesideDense:
		return l.besideExperts(i, blk)
	case c.ExpertLayer(i):
		return l.experts(blk)
	}
	n := c.OfLayer(i).FFN
	if n == 0 {
		return nil
	}
	f := l.feedForward(blk, "", n)
	f.xielu = l.xielu(i)
	if i < len(c.Sparsity) && !math.IsInf(c.Sparsity[i], -1) {
		f.sparse, f.cut = true, c.Sparsity[i]
	}
	return &f
}
