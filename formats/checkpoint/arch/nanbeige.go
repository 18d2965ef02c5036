package arch

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// nanbeige (Nanbeige 4.2) is llama whose layers run several times over, each time with keys and values of their own,
// and with the output's norm between unless that is skipped.
var nanbeige = family{
	Type: "nanbeige", Arch: "nanbeige",
	Context:  2048,
	Layer:    llama.Layer,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	NoHeadDim: true,
	Config: func(h *HFConfig, c *Config) error {
		return c.setLoops(value(h.Loops, 1), h.SkipLoopNorm)
	},
	Read: func(r *reader, c *Config) {
		skip, _, err := r.m.Bool("nanbeige.skip_loop_final_norm")
		r.fail(err)
		r.fail(c.setLoops(r.int("num_loops", 1), skip))
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		llamaMetadata(h, c, m)
		m.Set("nanbeige.num_loops", uint32(max(1, c.Loops)))
		m.Set("nanbeige.skip_loop_final_norm", h.SkipLoopNorm)
	},
	Vocabulary: llamaVocabulary,
}

// loopKeys are the keys of config.json for layers that run several times over.
type loopKeys struct {
	Loops        *int `json:"num_loops"`
	SkipLoopNorm bool `json:"skip_loop_final_norm"`
}

// maxLoops bounds the runs over all layers.
const maxLoops = 64

func (c *Config) setLoops(n int, skip bool) error {
	if n > maxLoops {
		return fmt.Errorf("%w: the layers run %d times over (num_loops)", formats.ErrCorrupt, n)
	}
	if n > 1 {
		c.Loops, c.LoopNorm = n, !skip
	}
	return nil
}
