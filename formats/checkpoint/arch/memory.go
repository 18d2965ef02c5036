package arch

// KVValues is the number of values of keys and values that a token adds in all layers, each time
// that they run.
func (c *Config) KVValues() (n int64) {
	for i := range c.Layers {
		l := c.OfLayer(i)
		switch {
		case l.KV == EarlierKV:
		case l.Latent != nil:
			n += int64(l.HeadDim) // the latent serves as both
		default:
			n += 2 * int64(l.KVHeads) * int64(l.HeadDim)
		}
	}
	return n * c.runs()
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
