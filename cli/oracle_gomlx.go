//go:build !slim

package cli

import (
	"context"

	"bitmill/calibrate/oracle"
	"bitmill/formats/checkpoint"
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
