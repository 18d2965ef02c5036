package infer

import "math"

// around binds what stands before the layers and behind them.
func (l *loader) around() (opening, closing layer) {
	if e := l.layerInputs(); e != nil {
		opening = append(opening, branch{mixer: e})
	}
	if a := l.c.Config.AltUp; a.Streams > 0 {
		opening = append(opening, branch{mixer: &expansion{l.streamMatrices("altup_proj.weight"), a.Active}})
		closing = layer{{mixer: &merging{l.streamMatrices("altup_unembd_proj.weight")}}}
	}
	return opening, closing
}

// wrapped adds what layer i has around attention and the feed-forward layer: a product of low rank beside attention,
// the layer's own input and its scale behind both, or both within several residual streams.
func (l *loader) wrapped(list layer, i int, blk func(string) string) layer {
	c := &l.c.Config
	if a := l.laurel(blk); a != nil {
		low := branch{parallel: true, mixer: a, out: math.Sqrt2 / 2}
		list = append(list[:1:1], append(layer{low}, list[1:]...)...)
	}
	streams := c.AltUp.Streams
	if streams > 0 {
		before, beforeNorm := l.altUp(blk, "altup_predict_coef.weight", streams*streams)
		behind, behindNorm := l.altUp(blk, "altup_correct_coef.weight", streams)
		list = append(layer{{norm: beforeNorm, mixer: &prediction{before}}}, list...)
		list = append(list, branch{norm: behindNorm, mixer: &correction{behind}})
	}
	if g := l.gatedInput(i, blk); g != nil {
		list = append(list, branch{mixer: g, after: l.norm(blk("post_norm"), c.Width)})
	}
	if streams > 0 {
		list = append(list, branch{mixer: &spread{c.AltUp.Active}})
	}
	if scale := l.optional(blk("layer_output_scale.weight"), 1); scale != nil {
		list[len(list)-1].out = scale[0]
	}
	return list
}
