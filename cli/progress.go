package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"bitmill/cli/pipeline"
)

// progress shows how far one step of a job is, and how long the whole job will take: a bar with a clock on a terminal,
// a line now and then elsewhere. Its terminal's lock guards it.
type progress struct {
	terminal    *terminal
	what, unit  string
	start, next time.Time // next: of the next line
	done, total int64
	part        float64 // of the units that are not done
}

// drawEvery is the time between two drawings of the bar, lineEvery that between two lines where there is no terminal.
const (
	drawEvery = 250 * time.Millisecond
	lineEvery = 10 * time.Second
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Set reports done of total.
func (p *progress) Set(done, total int64) {
	p.terminal.mu.Lock()
	defer p.terminal.mu.Unlock()
	p.done, p.total, p.part = done, total, 0
	p.moved()
}

// Part reports the part that is under way.
func (p *progress) Part(units float64) {
	p.terminal.mu.Lock()
	defer p.terminal.mu.Unlock()
	p.part = units
	p.moved()
}

// moved takes note of progress. The step that makes it is the one to show.
func (p *progress) moved() {
	p.terminal.step = p
	if c := p.terminal.clock; c != nil {
		c.Set(float64(p.done)+p.part, float64(p.total))
	}
	if !isTerminal(p.terminal.stderr) {
		p.draw(time.Now())
	}
}

// draw draws the bar, or prints a line when it is time for one.
func (p *progress) draw(now time.Time) {
	t := p.terminal
	switch {
	case isTerminal(t.stderr):
		if t.bar == nil {
			t.bar = newBar(t.stderr)
		}
		t.bar.draw(p.share(), p.text(now))
	case !now.Before(p.next) && (p.total == 0 || p.done < p.total):
		p.next = now.Add(lineEvery)
		fmt.Fprintln(t.stderr, p.text(now))
	}
}

// share is the part of the step that is done.
func (p *progress) share() float64 {
	if p.total <= 0 {
		return 0
	}
	return min(1, (float64(p.done)+p.part)/float64(p.total))
}

// text says what is done, for how long, and how long it will take.
func (p *progress) text(now time.Time) string {
	text := visible(p.what)
	if p.total > 0 {
		text += fmt.Sprintf(": %d of %d %s", p.done, p.total, p.unit)
	}
	share, elapsed := p.share(), now.Sub(p.start)
	text += ", " + clockTime(elapsed)
	if left := time.Duration(float64(elapsed) * (1 - share) / max(share, 1e-9)); share > 0 && left >= time.Second/2 {
		text += ", " + clockTime(left) + " left"
	}
	if c := p.terminal.clock; c != nil {
		text += "; the run: about " + pipeline.About(c.Left(now))
	}
	return text
}

// clockTime is a duration as a clock shows it: 7 s, 2:05, 1:02:05.
func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Done ends the step and says how long it took.
func (p *progress) Done() {
	t, now := p.terminal, time.Now()
	t.mu.Lock()
	if t.step == p {
		t.step = nil
		if t.clock != nil {
			t.clock.Done(now)
		}
	}
	t.mu.Unlock()
	t.line("%s: done in %s", p.what, now.Sub(p.start).Round(10*time.Millisecond))
}
