//go:build !slim

package cli

import (
	"context"
	"math"

	"bitmill/calibrate/oracle"
	"bitmill/cli/pipeline"
	"bitmill/formats/checkpoint"
	"bitmill/quantize/tune"
)

// compareWithOracle compares logits with the oracle's: their relative RMS difference and how often the most probable
// token is the same. It is nil in a binary without the oracle.
var compareWithOracle = func(ctx context.Context, c *checkpoint.Checkpoint, tokens []int32, logits [][]float32,
	threads int) (rms float64, sameTop int, err error) {
	o, err := oracle.New(c, oracle.Options{Threads: threads})
	if err != nil {
		return 0, 0, err
	}
	defer o.Close()
	want, err := o.Logits(ctx, tokens)
	if err != nil {
		return 0, 0, err
	}
	rms, sameTop = oracle.Compare(want, logits)
	return rms, sameTop, nil
}

// tuner computes the gradients of method tuned. It is nil in a binary without the oracle.
var tuner = &pipeline.Tuner{
	Open: func(c *checkpoint.Checkpoint, o pipeline.GradientOptions) (tune.Gradients, error) {
		g, err := oracle.NewGradients(c, oracle.GradientOptions{Options: oracle.Options{Threads: o.Threads,
			MaxBytes: math.MaxInt64}, Tokens: o.Tokens, First: o.First, Vary: o.Vary})
		if err != nil { // not an interface that holds nil
			return nil, err
		}
		return g, nil
	},
	Memory: oracle.GradientMemory,
	Rate:   oracle.Rate,
}
