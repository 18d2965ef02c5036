package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval"
	"bitmill/eval/report"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "the whole pipeline: plan, calibrate, quantize, evaluate, thresholds, report",
		ArgsUsage: "[MODEL...]",
		Description: "Without a MODEL it runs on the embedded demo models. " +
			"A run that was interrupted continues where it was: " +
			"what is in the output folder is kept as long as it was made from the same inputs and options.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", TakesFile: true, Aliases: []string{"o"}, Usage: "output `DIR`"},
			&cli.StringSliceFlag{Name: "formats", Aliases: []string{"f"},
				Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.StringFlag{Name: "calibration", TakesFile: true, Usage: "calibration `TEXT` file (default: the demo's)"},
			&cli.StringFlag{Name: "text", TakesFile: true, Aliases: []string{"t"},
				Usage: "evaluation `TEXT` file (default: the demo's)"},
			&cli.BoolFlag{Name: "no-imatrix", Usage: "quantize without calibrating"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window"},
			&cli.IntFlag{Name: "chunks", Usage: "windows to calibrate on and to evaluate (0: all)"},
			&cli.Float64Flag{Name: "kld-budget", Value: pipeline.DefaultKLDBudget,
				Usage: "divergence in nats that the fidelity threshold allows"},
			&cli.StringFlag{Name: "budget", TakesFile: true,
				Usage: "check the report against the rules in `FILE` (see bitmill check --help)"},
			&cli.BoolFlag{Name: "bench",
				Usage: "measure speed, memory and energy of every file too, as bitmill bench does"},
			memoryFlag(), forceFlag(),
		}, append(weightFlags(), recipeFlags()...)...),
		Action: arguments(0, -1, "[MODEL...] -o DIR", "output").action(func(c *cli.Context, e env, _ []string) error {
			o, err := runOptions(c)
			if err != nil {
				return err
			}
			o.Threads = e.Threads
			_, err = runPipeline(c.Context, o, e.Events)
			return resumable(err)
		}),
	}
}

// runOptions reads the flags of run, or the keys of a job.
func runOptions(c *cli.Context) (o pipeline.Options, err error) {
	o = pipeline.Options{
		Models: c.Args().Slice(), Out: c.String("output"), Source: sourceOptions(c),
		Calibration: c.String("calibration"), Text: c.String("text"), NoImatrix: c.Bool("no-imatrix"),
		Context: c.Int("ctx"), Windows: c.Int("chunks"),
		Include: c.StringSlice("include-weights"), Exclude: c.StringSlice("exclude-weights"),
		KLDBudget: c.Float64("kld-budget"), Budget: c.String("budget"), Bench: c.Bool("bench"),
		Strict: c.Bool("strict"), Force: c.Bool("force"),
		Command: commandLine(c, "output", "json", "quiet", "threads", "max-memory", "budget", "bench", "force"),
	}
	if o.Formats, o.All, err = formatNames(c.StringSlice("formats")); err != nil {
		return o, err
	}
	if o.Recipe, err = recipeOptions(c); err != nil {
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
