package cli

import (
	"io"

	"github.com/schollz/progressbar/v3"
)

// bar is the bar on a terminal. It is one for all steps.
type bar struct {
	// Methods of the bar. The bar itself in a field would link all its methods, and with them an HTTP server: 3.5 MB.
	set      func(int64) error
	describe func(string)
	clear    func() error
	shown    bool
}

// barParts is how fine the bar counts.
const barParts = 1000

func newBar(w io.Writer) *bar {
	b := progressbar.NewOptions64(barParts, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionShowDescriptionAtLineEnd())
	return &bar{set: b.Set64, describe: b.Describe, clear: b.Clear}
}

// draw draws a share and the text beside it.
func (b *bar) draw(share float64, text string) {
	b.set(min(barParts-1, int64(barParts*share))) // a full bar would end
	b.describe(text)
	b.shown = true
}

// hide takes the bar off the screen until it is drawn next.
func (b *bar) hide() {
	if b != nil && b.shown {
		b.clear()
		b.shown = false
	}
}
