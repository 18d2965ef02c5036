package cli

import (
	"cmp"
	"context"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "the whole pipeline: plan, calibrate, quantize, evaluate, thresholds, report",
		ArgsUsage: "[MODEL...]",
		Description: "Without a MODEL it runs on the embedded demo models. A run that was interrupted continues where it was: " +
			"what is in the output folder is kept as long as it was made from the same inputs and options.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "output `DIR`"},
			&cli.StringSliceFlag{Name: "formats", Aliases: []string{"f"}, Usage: "comma-separated `FORMATS` or all (default: the seven headline formats)"},
			&cli.StringFlag{Name: "calibration", Usage: "calibration `TEXT` file (default: the demo's)"},
			&cli.StringFlag{Name: "text", Aliases: []string{"t"}, Usage: "evaluation `TEXT` file (default: the demo's)"},
			&cli.BoolFlag{Name: "no-imatrix", Usage: "quantize without calibrating"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window"},
			&cli.IntFlag{Name: "chunks", Usage: "windows to calibrate on and to evaluate (0: all)"},
			&cli.Float64Flag{Name: "kld-budget", Value: 0.1, Usage: "divergence in nats that the fidelity threshold allows"},
			&cli.StringFlag{Name: "budget", Usage: "check the report against the rules in `FILE` (see bitmill check --help)"},
			&cli.BoolFlag{Name: "bench", Usage: "measure speed, memory and energy of every file too, as bitmill bench does"},
			memoryFlag(),
		}, append(weightFlags(), recipeFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := required(c, "output"); err != nil {
				return err
			}
			names, all, err := formatNames(c.StringSlice("formats"))
			if err != nil {
				return err
			}
			o := pipeline.Options{
				Models: c.Args().Slice(), Out: c.String("output"), Formats: names, All: all,
				Calibration: c.String("calibration"), Text: c.String("text"), NoImatrix: c.Bool("no-imatrix"),
				Context: cmp.Or(c.Int("ctx"), eval.DefaultContext), Windows: c.Int("chunks"),
				Include: c.StringSlice("include-weights"), Exclude: c.StringSlice("exclude-weights"),
				KLDBudget: c.Float64("kld-budget"), Budget: c.String("budget"), Bench: c.Bool("bench"), Strict: c.Bool("strict"),
				Command: commandLine(c, "output", "json", "quiet", "threads", "max-memory", "budget", "bench"),
			}
			if o.Recipe, err = recipeOptions(c); err != nil {
				return err
			}
			if o.Memory, err = memory(c); err != nil {
				return err
			}
			return resumable(runRun(c.Context, newEnv(c), o))
		},
	}
}

func runRun(ctx context.Context, e env, o pipeline.Options) error {
	o.Source, o.Threads = e.Source, e.Threads
	s, err := pipeline.Run(ctx, o, e.Events)
	if err != nil {
		return err
	}
	return gateError(s.Check)
}
