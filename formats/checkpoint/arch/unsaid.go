package arch

import (
	"math"
	"slices"

	"bitmill/formats/gguf"
)

// Unsaid tells what config.json says and the metadata m of a GGUF file does not, because llama.cpp has no key for it:
// a model read from the file computes something else. The sentence has no full stop; it is empty when all is said.
func (c *Config) Unsaid(m *gguf.Metadata) string {
	if c.Activation == ReLUSquared && c.Arch == "bitnet" {
		return "GGUF has no key for the activation (hidden_act) in this architecture: llama.cpp takes SiLU, so there the file " +
			"computes something else than the model that was trained"
	}
	if c.Rope.Scaling != "yarn" {
		return ""
	}
	noTensors := func(string) (Values, bool) { return nil, false }
	got, _, _ := Read(m, noTensors) // without tensors it fails in the end; the keys are read by then
	switch {
	case !slices.Equal(c.Rope.Factors, got.Rope.Factors):
		return "GGUF has no key for rope_scaling's truncate in this architecture: llama.cpp rounds the bounds of YaRN's " +
			"ramp, so the file computes something else than the model that was trained"
	case math.Abs(c.Rope.Magnitude-got.Rope.Magnitude) > 1e-6*c.Rope.Magnitude:
		return "GGUF has no key for rope_scaling's mscale in this architecture: llama.cpp uses YaRN's usual magnitude, " +
			"so the file computes something else than the model that was trained"
	}
	return ""
}
