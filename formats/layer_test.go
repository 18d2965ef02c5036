package formats

import "testing"

func TestLayerOf(t *testing.T) {
	for name, want := range map[string]int{"blk.7.attn_q.weight": 7, "blk.12.ffn_down_exps.weight": 12, "output.weight": -1,
		"blk.x.attn_q.weight": -1, "blk.-1.attn_q.weight": -1, "blk.3": -1, "7.attn_q.weight": -1, "": -1} {
		if got := LayerOf(name); got != want {
			t.Errorf("%q is of layer %d, want %d", name, got, want)
		}
	}
}
