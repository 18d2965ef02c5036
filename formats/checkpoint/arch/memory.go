package arch

// KVValues is the number of values of keys and values that a token adds in all layers, each time
// that they run.
func (c *Config) KVValues() (n int64) {
	for i := range c.Layers {
		n += c.kvValues(i)
	}
	return n
}

// WindowValues is the part of KVValues in layers with a window, which need those of its last Window tokens only.
func (c *Config) WindowValues() (n int64) {
	for i := range c.Layers {
		if c.Windowed(i) {
			n += c.kvValues(i)
		}
	}
	return n * c.runs()
}

func (c *Config) kvValues(i int) int64 {
	switch l := c.OfLayer(i); {
	case l.KV == EarlierKV || !l.Mixer.Attends():
		return 0
	case l.Latent != nil:
		return int64(l.HeadDim) // the latent serves as both
	default:
		return 2 * int64(l.KVHeads) * int64(l.HeadDim)
	}
}

// StateValues is the number of values that layers with a state of constant size remember of a sequence: the rows that a
// convolution still needs, and the state.
func (c *Config) StateValues() (n int64) {
	for i := range c.Layers {
		switch m := c.OfLayer(i).Mixer; {
		case m == Conv:
			n += int64(c.Taps-1) * int64(c.Width)
		case m.Recurs() && c.SSM != nil:
			n += int64(c.SSM.Conv-1)*int64(c.SSM.ConvWidth()) + int64(c.SSM.Inner)*int64(c.SSM.State)
		}
	}
	return n * c.runs()
}

// runs is how often the layers run, each time with states of their own.
func (c *Config) runs() int64 { return int64(max(1, c.Loops)) }
