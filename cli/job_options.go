package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval/report"
)

// runOptions reads the flags of run, or the keys of a job.
func runOptions(c *cli.Context) (o pipeline.Options, err error) {
	o = pipeline.Options{
		Models: c.Args().Slice(), Out: c.String("output"), Source: sourceOptions(c),
		Calibration: c.String("calibration"), Text: c.String("text"), NoImatrix: c.Bool("no-imatrix"),
		Imatrix: c.String("imatrix"), NoNoiseFloor: c.Bool("no-noise-floor"),
		Tasks: c.StringSlice("tasks"), KeepProbes: c.Bool("keep-probes"),
		Context: c.Int("ctx"),
		Include: c.StringSlice("include-weights"), Exclude: c.StringSlice("exclude-weights"),
		KLDBudget: c.Float64("kld-budget"), Budget: c.String("budget"), Bench: c.Bool("bench"),
		CompareMethods: c.Bool("compare-methods"), Strict: c.Bool("strict"), Force: c.Bool("force"),
		Tuner:       tuner,
		Command:     commandLine(c, "output", "json", "quiet", "threads", "max-memory", "budget", "bench", "force"),
		CommandLine: commandLine(c), Build: build(),
	}
	if o.Windows, o.Until, err = readWindows(c); err != nil {
		return o, err
	}
	if o.Formats, o.All, err = formatNames(c.StringSlice("formats")); err != nil {
		return o, err
	}
	if o.Locate, err = readLocate(c.String("locate")); err != nil {
		return o, err
	}
	if o.Recipe, err = recipeOptions(c); err != nil {
		return o, err
	}
	if o.Recipe.Method, o.Recipe.Fit, err = runMethod(c); err != nil {
		return o, err
	}
	if o.Targets, err = readTargets(c); err != nil {
		return o, err
	}
	o.Memory, err = memory(c)
	return o, err
}

// runPipeline does the whole job; a report that does not keep to its budget fails it, and formats that could not be
// made leave it incomplete.
func runPipeline(ctx context.Context, o pipeline.Options, events pipeline.Events) (pipeline.Summary, error) {
	s, err := pipeline.Run(ctx, o, events)
	return s, cmp.Or(err, gateError(s.Check), blockedError(s.Report))
}

var errBlocked = errors.New("could not be made; the report says why")

// blockedError is the error of formats that were left out for the values of a model.
func blockedError(r *report.Report) error {
	if r == nil || len(r.Blocked) == 0 {
		return nil
	}
	var names []string
	for _, b := range r.Blocked {
		names = append(names, fmt.Sprintf("%s of %s", strings.Join(b.Formats, ", "), b.Model))
	}
	return incompleteError{fmt.Errorf("%s %w", strings.Join(names, "; "), errBlocked)}
}
