package arch

import "testing"

// TestMemory: layers with attention remember every token, others a state.
func TestMemory(t *testing.T) {
	c := Config{Layers: 4, Width: 8, Heads: 4, KVHeads: 2, HeadDim: 16}
	if kv, state := c.KVValues(), c.StateValues(); kv != 4*2*2*16 || state != 0 {
		t.Errorf("attention only: %d and %d values", kv, state)
	}
	c.SSM, c.Taps = &SSM{Inner: 32, State: 8, Heads: 4, Groups: 2, Conv: 4}, 3
	c.setMixers([]Mixer{Delta, Attention, AttentionMamba, Conv})
	if kv, state := c.KVValues(), c.StateValues(); kv != 2*2*2*16 || state != 2*(3*(32+2*2*8)+32*8)+2*8 {
		t.Errorf("four kinds of layers: %d and %d values", kv, state)
	}
	c.Window, c.WindowLayers = 3, []bool{true, true, false, false}
	if window := c.WindowValues(); window != 2*2*16 {
		t.Errorf("a window in two layers: %d values", window)
	}
	c.Latent = &Latent{}
	if kv := c.KVValues(); kv != 2*16 {
		t.Errorf("latent attention: %d values", kv)
	}
}
