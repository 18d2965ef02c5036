//go:build slim

package cli

import (
	"context"

	"bitmill/cli/pipeline"
	"bitmill/formats/checkpoint"
)

var compareWithOracle func(ctx context.Context, c *checkpoint.Checkpoint, tokens []int32, logits [][]float32,
	threads int) (rms float64, sameTop int, err error)

// tuner is nil in a binary without the oracle.
var tuner *pipeline.Tuner
