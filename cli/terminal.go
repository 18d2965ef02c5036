package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"bitmill/cli/pipeline"
	"bitmill/eval/report"
)

// terminal prints events for people: progress and warnings on standard error, results on standard output.
type terminal struct {
	stdout, stderr io.Writer
	quiet          bool // no progress, no notes
}

func (t terminal) Begin(what, unit string) pipeline.Step {
	if t.quiet {
		return pipeline.Discard{}
	}
	now := time.Now()
	return &progress{out: t.stderr, what: what, unit: unit, start: now, next: now.Add(lineEvery)}
}

func (t terminal) Warn(text string) { fmt.Fprintf(t.stderr, "bitmill: %s\n", printable(text)) }

func (t terminal) Note(text string) {
	if !t.quiet {
		fmt.Fprintln(t.stderr, text)
	}
}

// Result prints the report's table.
func (t terminal) Result(s pipeline.Summary) error {
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
type jsonOutput struct{ terminal }

// Result prints the report as it is in report.json, and the findings of a check as a second value.
func (j jsonOutput) Result(s pipeline.Summary) error {
	if err := report.WriteJSON(j.stdout, s.Report); err != nil || s.Check == nil {
		return err
	}
	return env{stdout: j.stdout}.printJSON(s.Check)
}

// progress shows how far one step of a job is: a bar with an ETA on a terminal, a line now and then elsewhere.
type progress struct {
	out   io.Writer
	what  string
	unit  string
	start time.Time
	next  time.Time
	total int64

	// Methods of the bar, once there is one. The bar itself in a field would link all its methods, and with them an
	// HTTP server: 3.5 MB.
	set    func(int64) error
	finish func() error
}

// lineEvery is the time between two lines where there is no terminal.
const lineEvery = 10 * time.Second

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Set reports done of total.
func (p *progress) Set(done, total int64) {
	p.total = total
	if !isTerminal(p.out) {
		p.line(done, total)
		return
	}
	if p.set == nil {
		bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out),
			progressbar.OptionSetDescription(p.what),
			progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(),
			progressbar.OptionSetItsString(p.unit), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
		p.set, p.finish = bar.Set64, bar.Finish
	}
	p.set(done)
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
	if p.finish != nil {
		p.finish()
	}
	fmt.Fprintf(p.out, "%s: done in %s\n", p.what, time.Since(p.start).Round(10*time.Millisecond))
}
