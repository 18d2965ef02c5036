package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"bitmill/cli/pipeline"
	"bitmill/eval/report"
)

// terminal prints events for people: progress and warnings on standard error, results on standard output.
type terminal struct {
	stdout, stderr io.Writer
	quiet          bool     // no progress, no notes
	warned         []string // by env.warn

	mu    sync.Mutex
	step  *progress       // under way; nil: none
	clock *pipeline.Clock // of the whole run; nil: not known
	bar   *bar            // on a terminal, once there was a step
	ended chan struct{}   // closed when no step is under way; nil: nothing draws
}

// Forecast prints what the run will do, and starts its clock.
func (t *terminal) Forecast(f *pipeline.Forecast) {
	t.Note(f.String())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clock = pipeline.NewClock(f)
}

func (t *terminal) Begin(what, unit string) pipeline.Step {
	if t.quiet {
		return pipeline.Discard{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.clock != nil {
		t.clock.Begin(what, now)
	}
	t.step = &progress{terminal: t, what: what, unit: unit, start: now, next: now.Add(lineEvery)}
	if t.ended == nil {
		t.ended = make(chan struct{})
		go t.draw(t.ended)
	}
	return t.step
}

// draw draws the step under way, whether or not it makes progress: its clock runs.
func (t *terminal) draw(ended chan struct{}) {
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			t.mu.Lock()
			if t.step != nil {
				t.step.draw(time.Now())
			}
			t.mu.Unlock()
		}
	}
}

// stop ends the drawing.
func (t *terminal) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step = nil
	t.bar.hide()
	if t.ended != nil {
		close(t.ended)
		t.ended = nil
	}
}

// line prints a line above the bar.
func (t *terminal) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.hide()
	fmt.Fprintln(t.stderr, visible(fmt.Sprintf(format, args...)))
}

func (t *terminal) Warn(text string) { t.line("bitmill: %s", printable(text)) }

func (t *terminal) Note(text string) {
	if !t.quiet {
		t.line("%s", text)
	}
}

// Result prints the report's table.
func (t *terminal) Result(s pipeline.Summary) error {
	if err := report.Table(t.stdout, s.Report); err != nil {
		return err
	}
	html := filepath.Join(filepath.Dir(s.Path), "report.html")
	if _, err := fmt.Fprintf(t.stdout, "\nreport: %s\n", html); err != nil {
		return err
	}
	return printFindings(t.stdout, s.Check)
}

// jsonOutput is a terminal that prints the result for programs.
type jsonOutput struct{ *terminal }

// Result prints the report as it is in report.json, and the findings of a check as a second value.
func (j jsonOutput) Result(s pipeline.Summary) error {
	if err := report.WriteJSON(j.stdout, s.Report); err != nil || s.Check == nil {
		return err
	}
	return env{stdout: j.stdout}.printJSON(s.Check)
}
