package arch

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// gemma4Metadata adds the keys of Gemma 4. Those without _swa are of the layers without a window.
func gemma4Metadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	w := writer{Metadata: m, arch: c.Arch}
	if c.Cap.Logit != 0 {
		w.float("final_logit_softcapping", c.Cap.Logit)
	}
	w.uint("attention.sliding_window", c.Window)
	w.uint("attention.shared_kv_layers", or(h.SharedKV, 0))
	w.uint("embedding_length_per_layer_input", c.LayerInput.Size)
	w.set("attention.sliding_window_pattern", c.WindowLayers)
	w.uint("attention.key_length", c.Rope.Dims)
	w.uint("attention.value_length", c.Rope.Dims)
	w.uint("attention.key_length_swa", c.LocalRope.Dims)
	w.uint("attention.value_length_swa", c.LocalRope.Dims)
	if h.ExpertFFN != nil {
		w.uint("expert_feed_forward_length", *h.ExpertFFN)
	}
	if h.DoubleWide {
		w.each("feed_forward_length", c, ffn)
	}
	if full, err := h.fullSizes(); err == nil && full[1] > 0 {
		w.each("attention.head_count_kv", c, keyN)
	}
	w.uint("rope.dimension_count", c.Rope.Dims)
	w.uint("rope.dimension_count_swa", c.LocalRope.Dims)
}

// readGemma4 reads them.
func readGemma4(r *reader, c *Config) {
	c.gemma(0, 0)
	c.Cap.Logit = r.float("final_logit_softcapping", 0)
	c.LayerInput.Size = r.int("embedding_length_per_layer_input", 0)
	c.LayerInput.Vocab = c.Vocab
	r.window(c, 6, 0)
	local := r.int("attention.key_length_swa", c.HeadDim)
	if n := r.int("attention.value_length_swa", local); n != local {
		r.fail(fmt.Errorf("%w: values of %d and keys of %d per head in layers with a window", formats.ErrUnsupported, n,
			local))
	}
	if c.Rope.Factors != nil {
		c.Rope.Scaling = "proportional"
	}
	r.localRope(c, 10000)
	if c.LocalRope.Dims = r.int("rope.dimension_count_swa", local); r.err != nil {
		return
	}
	layers := make([]LayerSizes, c.Layers)
	for i := range layers {
		if layers[i] = c.OfLayer(i).sizes(); c.Windowed(i) {
			layers[i].HeadDim = local
		}
	}
	c.setLayers(layers)
	if err := c.setKV(r.int("attention.shared_kv_layers", 0), r.keysOnly); err != nil || c.Rope.Factors != nil {
		r.fail(err)
		return
	}
	r.fail(fmt.Errorf("%w: the file is incomplete: it has no tensor rope_freqs.weight", formats.ErrCorrupt))
}

// keysOnly reports whether layer i has keys and no values.
func (r *reader) keysOnly(i int) bool {
	_, keys := r.tensor(fmt.Sprintf("blk.%d.attn_k.weight", i))
	_, values := r.tensor(fmt.Sprintf("blk.%d.attn_v.weight", i))
	return keys && !values
}
