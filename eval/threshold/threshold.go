// Package threshold estimates how few bits per weight a model tolerates. It is pure statistics over measured points: it
// reads no files and runs no model.
//
// Two thresholds are kept apart, each with a confidence interval:
//
//   - fidelity: the bits per weight (BPW) at which the mean KL divergence from the source crosses a stated budget;
//   - economy: the lowest BPW at which a larger model still beats the best smaller one of its family at equal bytes.
//
// Intervals describe the text: how far the number would move on other text of the same kind. They come from a paired
// bootstrap over windows, which draws the same windows for every format, so that what makes a window hard for all
// formats cancels. They say nothing about formats that were not tried: the bracketing formats are named for that. The
// sentences of this package stand in reports, where a window is called a chunk.
package threshold

import (
	"fmt"
	"math"

	"bitmill/eval/paired"
	"bitmill/eval/sequential"
)

// Point is one file of a model as measured.
type Point struct {
	Format string
	Source bool // the unquantized model itself: a rival at equal bytes, but not in the fidelity fit
	Mix    bool // types chosen for a size, as a search makes them

	Bits, Weights int64 // payload bits and elements of all tensors; their quotient is the BPW
	FileBytes     int64

	KLD, KLDSE float64   // mean KL divergence from the source and its standard error, nats per token
	WindowKLD  []float64 // the mean of each window; nil when not kept

	LnPPL, LnPPLSE float64   // mean negative log likelihood and its standard error, nats per token
	WindowNLL      []float64 // the mean of each window, as WindowKLD
	Windows        []int     // their numbers in the text, ascending; nil: 0, 1, 2…
}

// BPW is payload bits over weights, 0 when the point has no weights.
func (p Point) BPW() float64 {
	if p.Weights <= 0 {
		return 0
	}
	return float64(p.Bits) / float64(p.Weights)
}

// DefaultBudget is the divergence in nats per token that fidelity allows unless told otherwise.
const DefaultBudget = 0.1

// Options tune the fits. The zero value is useful.
type Options struct {
	Budget float64 // KLD that fidelity allows, nats per token; 0: DefaultBudget
	paired.Options
}

func (o Options) withDefaults() Options {
	if !(o.Budget > 0) || !finite(o.Budget) {
		o.Budget = DefaultBudget
	}
	o.Options = o.Options.WithDefaults()
	return o
}

// bootstrap words how the intervals over n windows are made.
func (o Options) bootstrap(n int, block string) string {
	s := fmt.Sprintf("aired bootstrap over %d chunks in blocks of %s, %d resamples, seed %d", n, block, o.Resamples, o.Seed)
	if o.Looks {
		s += fmt.Sprintf(", wider by %.2f since chunks were taken at random until enough was known",
			sequential.Widening(n, o.Level))
	}
	return s + "."
}

// Status values of Fidelity and Economy.
const (
	Located    = "located"
	Below      = "below the lowest format tried"
	Above      = "above the highest format tried"
	NeverWins  = "the larger model never wins"
	NotLocated = "not located"
)

// finite reports whether x is a usable number: neither NaN nor infinite, nor so large that a difference would be.
func finite(x float64) bool { return math.Abs(x) < 1e100 }
