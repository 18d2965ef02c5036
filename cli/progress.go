package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far one step of a job is: a bar with an ETA on a terminal, a line now and then elsewhere. Its
// methods may be called on nil.
type progress struct {
	out   io.Writer
	what  string
	unit  string
	bar   *progressbar.ProgressBar
	start time.Time
	next  time.Time
	total int64
}

// lineEvery is the time between two lines where there is no terminal.
const lineEvery = 10 * time.Second

// progress starts a step; nil when the command is quiet.
func (e env) progress(what, unit string) *progress {
	if e.quiet {
		return nil
	}
	now := time.Now()
	return &progress{out: e.stderr, what: what, unit: unit, start: now, next: now.Add(lineEvery)}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Set reports done of total.
func (p *progress) Set(done, total int64) {
	if p == nil {
		return
	}
	p.total = total
	if !isTerminal(p.out) {
		p.line(done, total)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(p.what),
			progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(), progressbar.OptionSetItsString(p.unit),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	p.bar.Set64(done)
}

func (p *progress) line(done, total int64) {
	now := time.Now()
	if now.Before(p.next) || done <= 0 || done >= total {
		return
	}
	p.next = now.Add(lineEvery)
	left := time.Duration(float64(now.Sub(p.start)) * float64(total-done) / float64(done))
	fmt.Fprintf(p.out, "%s: %d of %d %s, %s left\n", p.what, done, total, p.unit, left.Round(time.Second))
}

// Done ends the step and says how long it took.
func (p *progress) Done() {
	if p == nil {
		return
	}
	if p.bar != nil {
		p.bar.Finish()
	}
	fmt.Fprintf(p.out, "%s: done in %s\n", p.what, time.Since(p.start).Round(10*time.Millisecond))
}
