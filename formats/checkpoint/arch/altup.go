package arch

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
)

// AltUp describes a residual stream of several streams, one of which runs through the layers, which predict and correct
// the others (arXiv 2301.13310).
type AltUp struct {
	Streams int // 0: there is but one
	Active  int // the one that runs through the layers
}

func (a AltUp) check() error {
	if a.Streams != 0 && (a.Streams < 2 || a.Streams > maxStreams || a.Active < 0 || a.Active >= a.Streams) {
		return fmt.Errorf("%w: stream %d of %d runs through the layers", formats.ErrUnsupported, a.Active, a.Streams)
	}
	return nil
}

const maxStreams = 16

func streams(c *Config) int       { return c.AltUp.Streams }
func otherStreams(c *Config) int  { return max(c.AltUp.Streams-1, 0) }
func squareStreams(c *Config) int { return c.AltUp.Streams * c.AltUp.Streams }
func laurelRank(c *Config) int    { return c.Laurel }

// altUpTables lists the matrices that make the other streams of the first, and one stream of all.
var altUpTables = []tensorSpec{
	{HF: "model.altup_projections.%d.weight", GGUF: "altup_proj.weight", Shape: []dim{otherStreams, width, width}},
	{HF: "model.altup_unembed_projections.%d.weight", GGUF: "altup_unembd_proj.weight",
		Shape: []dim{otherStreams, width, width}},
}

// altUpTensors lists a layer's tensors of AltUp and LAuReL.
var altUpTensors = []tensorSpec{
	{HF: "altup.modality_router.weight", GGUF: "altup_router.weight", Shape: []dim{streams, width}},
	{HF: "altup.router_norm.weight", GGUF: "altup_router_norm.weight", Shape: []dim{width}},
	{HF: "altup.prediction_coefs.weight", GGUF: "altup_predict_coef.weight", Shape: []dim{squareStreams, streams}},
	{HF: "altup.correction_coefs.weight", GGUF: "altup_correct_coef.weight", Shape: []dim{streams, streams}},
	{HF: "altup.correct_output_scale", GGUF: "altup_correct_scale.weight", Shape: []dim{width}},
	{HF: "laurel.linear_left.weight", GGUF: "laurel_l.weight", Shape: []dim{laurelRank, width}},
	{HF: "laurel.linear_right.weight", GGUF: "laurel_r.weight", Shape: []dim{width, laurelRank}},
	{HF: "laurel.post_laurel_norm.weight", GGUF: "laurel_post_norm.weight", Shape: []dim{width}},
}

// quantile is how many standard deviations above the mean a normal distribution has that part of its values below, in
// float32 as the converter has it.
func quantile(part float64) float64 {
	x := math.Erfinv(float64(2*float32(part) - 1))
	return float64(float32(x) * float32(math.Sqrt2))
}

// checkBeside verifies what stands beside the residual stream, and that Sparsity is given for each layer.
func (c *Config) checkBeside() error {
	if err := cmp.Or(c.AltUp.check(), c.LayerInput.check(c)); err != nil {
		return err
	}
	if c.Sparsity != nil && len(c.Sparsity) != c.Layers || slices.ContainsFunc(c.Sparsity, math.IsNaN) {
		return fmt.Errorf("%w: the sparsity of gates is %v for %d layers", formats.ErrCorrupt, c.Sparsity, c.Layers)
	}
	return nil
}
