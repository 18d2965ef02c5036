package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bitmill/cli/pipeline"
	"bitmill/cli/steps"
	"bitmill/formats"
	"bitmill/formats/file"
)

// batchName is the file of results, beside the jobs' folders.
const batchName = "batch.json"

// batch runs jobs into folders of one folder.
type batch struct {
	env
	out   string
	force bool // replace files that bitmill did not write
	jobs  []job
}

// run checks all jobs, and runs them one after the other unless dry. Their output goes to standard error and to their
// logs; the result is their outcomes, also after an interruption.
func (b *batch) run(ctx context.Context, dry bool) error {
	forecasts, err := b.check(ctx, dry)
	if err != nil {
		return err
	}
	if dry {
		b.printForecasts(forecasts)
		return nil
	}
	release, err := steps.Store{Dir: b.out}.Lock()
	if err != nil {
		return err
	}
	defer release()
	b.nameOthers()
	if err := b.save(); err != nil {
		return err
	}
	failed := 0
	for i := range b.jobs {
		j := &b.jobs[i]
		b.say("job %d of %d: %s", i+1, len(b.jobs), j.Name)
		err := j.run(ctx, b.env)
		if err != nil {
			failed++
			b.say("job %s: %s after %s: %v", j.Name, j.Status, j.took(), err)
		} else {
			b.say("job %s: done in %s", j.Name, j.took())
		}
		if err := b.save(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := b.print(); err != nil {
		return err
	}
	if failed > 0 && ctx.Err() == nil {
		return incompleteError{fmt.Errorf("%d of %d jobs failed", failed, len(b.jobs))}
	}
	return ctx.Err()
}

// say prints a message with the time of day.
func (b *batch) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "bitmill: %s %s\n", time.Now().Format(time.TimeOnly), printable(fmt.Sprintf(format, args...)))
}

// printForecasts prints the commands, and beside them what they will do.
func (b *batch) printForecasts(forecasts []*pipeline.Forecast) {
	total := time.Duration(0)
	for i, j := range b.jobs {
		fmt.Fprintln(b.stdout, formats.ShellWords(append([]string{"bitmill"}, j.Args...)...))
		if f := forecasts[i]; !b.quiet {
			total += f.Duration()
			fmt.Fprintf(b.stderr, "job %s: %s\n", printable(j.Name), f)
		}
	}
	if !b.quiet && len(b.jobs) > 1 {
		fmt.Fprintf(b.stderr, "%s: about %s\n", formats.Several(len(b.jobs), "job"), pipeline.About(total))
	}
}

// check finds the mistakes in all jobs, and fails if all their files do not fit on the disk together. A dry one says
// more: warnings, and what every job will do.
func (b *batch) check(ctx context.Context, dry bool) (forecasts []*pipeline.Forecast, err error) {
	var wrong []error
	total := int64(0)
	for i := range b.jobs {
		j := &b.jobs[i]
		var events pipeline.Events = pipeline.Discard{}
		if dry {
			events = jobWarnings{pipeline.Discard{}, b.env, j.Name}
		}
		var need int64
		err := file.Guard(func() (err error) {
			if !dry {
				need, err = pipeline.Check(ctx, j.options, events)
				return err
			}
			f, err := pipeline.DryRun(ctx, j.options, events)
			if err == nil {
				need, forecasts = f.Bytes, append(forecasts, f)
			}
			return err
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("job %q: %w", j.Name, err))
		}
		total += need
	}
	if len(wrong) > 0 {
		wrong = append(wrong, fmt.Errorf("%d of %d jobs cannot run: none was started", len(wrong), len(b.jobs)))
	}
	path := filepath.Join(b.out, batchName)
	return forecasts, errors.Join(append(wrong, pipeline.CheckRoom(b.out, total), steps.CheckOutput(path, b.force))...)
}

// jobWarnings prints the warnings of a job that is only checked.
type jobWarnings struct {
	pipeline.Discard
	env
	name string
}

func (w jobWarnings) Warn(text string) { w.warn(fmt.Sprintf("job %s: %s", w.name, text)) }

// nameOthers names the folders of jobs that the manifest does not have.
func (b *batch) nameOthers() {
	var mine []string
	for _, j := range b.jobs {
		mine = append(mine, j.Name)
	}
	if names := pipeline.OtherRuns(b.out, mine); names != nil {
		b.warn(fmt.Sprintf("%s also holds folders that no job of this manifest writes: %s", b.out,
			strings.Join(names, ", ")))
	}
}

// outcomes are the results so far, as JSON.
func (b *batch) outcomes() (string, error) {
	var text strings.Builder
	err := env{stdout: &text}.printJSON(struct {
		Jobs []job `json:"jobs"`
	}{b.jobs})
	return text.String(), err
}

// save writes the outcomes so far.
func (b *batch) save() error {
	text, err := b.outcomes()
	if err != nil {
		return err
	}
	return file.Write(filepath.Join(b.out, batchName), []byte(text))
}

// print prints the outcomes.
func (b *batch) print() error {
	if b.json {
		text, err := b.outcomes()
		if err == nil {
			_, err = fmt.Fprint(b.stdout, text)
		}
		return err
	}
	w := tabwriter.NewWriter(b.stdout, 0, 0, 2, ' ', 0)
	for _, j := range b.jobs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(j.Name), j.Status, printable(j.Report+j.Error), j.took())
	}
	return w.Flush()
}
