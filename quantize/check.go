package quantize

import "bitmill/formats/gguf"

// Check returns the mistake in the options that shows without a checkpoint: an unknown format or type, a pattern or a
// metadata key that cannot be read. An empty format passes.
func (o Options) Check() error {
	if o.Format != "" {
		if _, err := ParseFormat(o.Format); err != nil {
			return err
		}
	}
	if _, err := parseOverrides(o.TensorTypes); err != nil {
		return err
	}
	if _, err := optionalType("output type", o.OutputType); err != nil {
		return err
	}
	if _, err := optionalType("embedding type", o.EmbeddingType); err != nil {
		return err
	}
	for _, text := range o.MetadataKeys {
		if _, _, err := parseKey(text, &gguf.Metadata{}); err != nil {
			return err
		}
	}
	return nil
}
