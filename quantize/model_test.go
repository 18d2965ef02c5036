package quantize

import (
	"fmt"
	"slices"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/gguf"
)

// The layers of Q4_K_M whose ffn_down is Q6_K are those of llama-quantize (snapshot de3ff81), which counts the layers
// that it makes of a file's blocks.
func TestLoadedLayersDecideTypes(t *testing.T) {
	for _, tt := range []struct {
		arch   string
		blocks int
		loops  uint32
		want   []int
	}{
		{"nanbeige", 30, 2, []int{0, 1, 2, 3, 4, 5, 6, 9, 12, 15, 18, 21, 24, 27}},
		{"nanbeige", 9, 3, []int{0, 1, 2, 5, 8}},
		{"nanbeige", 30, 1, []int{0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29}},
		{"nanbeige", 16, 0, []int{0, 1, 4, 7, 10, 13, 14, 15}}, // no key
		{"graniteswitch", 15, 0, []int{0, 1, 4, 7, 10, 13, 14}},
		{"llama", 30, 2, []int{0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29}},
	} {
		c := &checkpoint.Checkpoint{Config: arch.Config{Arch: tt.arch}, Metadata: new(gguf.Metadata)}
		c.Metadata.Set("general.architecture", tt.arch)
		c.Metadata.Set(tt.arch+".block_count", uint32(tt.blocks))
		if tt.loops > 0 {
			c.Metadata.Set(tt.arch+".num_loops", tt.loops)
		}
		name := func(i int) string { return fmt.Sprintf("blk.%d.ffn_down.weight", i) }
		for i := range tt.blocks {
			c.Tensors = append(c.Tensors, checkpoint.Tensor{Tensor: formats.Tensor{Name: name(i), Type: formats.BF16,
				Shape: []int64{256, 256}}})
		}
		p := mustPlan(t, c, Options{Format: "Q4_K_M"})
		var got []int
		for i := range tt.blocks {
			if planned(t, p, name(i)).Type == formats.Q6_K {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s, %d blocks in %d loops: Q6_K in layers %v, want %v", tt.arch, tt.blocks, tt.loops, got, tt.want)
		}
	}
}
