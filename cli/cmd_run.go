package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/eval"
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
			&cli.StringFlag{Name: "calibration", TakesFile: true,
				Usage: "calibration `TEXT` file, or builtin: general text in the binary (default: builtin)"},
			&cli.StringFlag{Name: "text", TakesFile: true, Aliases: []string{"t"},
				Usage: "evaluation `TEXT` file, or builtin (default: builtin; the demo has texts of its own)"},
			&cli.StringFlag{Name: "imatrix", TakesFile: true,
				Usage: "importance matrix `FILE` of the model, instead of calibrating"},
			&cli.BoolFlag{Name: "no-imatrix", Usage: "quantize without calibrating"},
			&cli.IntFlag{Name: "ctx", Aliases: []string{"c"}, Value: eval.DefaultContext, Usage: "tokens in a window"},
			&cli.Float64Flag{Name: "kld-budget", Value: pipeline.DefaultKLDBudget,
				Usage: "divergence in nats that the fidelity threshold allows"},
			&cli.StringFlag{Name: "budget", TakesFile: true,
				Usage: "check the report against the rules in `FILE` (see bitmill check --help)"},
			&cli.StringSliceFlag{Name: "tasks", TakesFile: true,
				Usage: "ask all files the questions in `FILE` (see bitmill eval --help); may be repeated"},
			&cli.BoolFlag{Name: "no-noise-floor",
				Usage: "do not measure how far the model is from itself with rounded activations"},
			&cli.BoolFlag{Name: "bench",
				Usage: "measure speed, memory and energy of every file too, as bitmill bench does"},
			&cli.BoolFlag{Name: "compare-methods",
				Usage: "with another --method than reference, measure what reference makes of each format too"},
			&cli.BoolFlag{Name: "dry-run",
				Usage: "check everything, say what would be done and how long it would take, write nothing"},
			memoryFlag(), forceFlag(),
		}, slices.Concat(windowFlags(pipeline.DefaultGoal), targetFlags(), locateFlags(), weightFlags(),
			recipeFlags())...),
		Action: arguments(0, -1, "[MODEL...] -o DIR", "output").action(func(c *cli.Context, e env, _ []string) error {
			o, err := runOptions(c)
			if err != nil {
				return err
			}
			o.Threads = e.Threads
			if c.Bool("dry-run") {
				return dryRun(c.Context, e, o)
			}
			_, err = runPipeline(c.Context, o, e.Events)
			return resumable(err)
		}),
	}
}
