package cli

import (
	"github.com/urfave/cli/v2"
)

func batchCommand() *cli.Command {
	needs := arguments(1, 1, "MANIFEST.yaml -o DIR", "output")
	cleans := arguments(0, 0, "--clean PREFIX").action(func(c *cli.Context, e env, _ []string) error {
		return cleanUploads(e, c.String("clean"), c.Bool("force"), c.Bool("dry-run"))
	})
	command := &cli.Command{
		Name:      "batch",
		Usage:     "run many jobs from a manifest",
		ArgsUsage: "MANIFEST.yaml",
		Description: "Each job is one bitmill run into a folder of its own; its keys are the flags of run. " +
			"Paths in the manifest count from its folder. Everything that can be is checked before the first job. " +
			"A job that fails does not stop the others; each has a log, job.log in its folder. " +
			"The same command again does what is missing. A manifest:\n\n" +
			"   defaults: {text: eval.txt, calibration: cal.txt}\n" +
			"   jobs:\n     - {name: small, models: [small], formats: 'Q4_K_M,Q8_0'}\n" +
			"     - {name: family, models: [small, large], budget: budget.yaml}",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", TakesFile: true, Aliases: []string{"o"},
				Usage: "output `DIR`: a folder per job, and batch.json"},
			&cli.BoolFlag{Name: "dry-run", Usage: "check all jobs, print the commands, say what they would do and how long it would take; with --clean, list " +
				"the uploads"},
			&cli.StringFlag{Name: "clean",
				Usage: "instead of running jobs, abort the uploads below `PREFIX` (s3://BUCKET/FOLDER) that were begun more than a " +
					"day ago and never completed; with --force all"},
			forceFlag(),
		},
	}
	run := needs.action(func(c *cli.Context, e env, args []string) error {
		jobs, err := readJobs(args[0], c.String("output"))
		if err != nil {
			return err
		}
		for i := range jobs {
			o := &jobs[i].options
			o.Threads, o.Force = e.Threads, o.Force || c.Bool("force")
		}
		b := batch{env: e, out: c.String("output"), force: c.Bool("force"), jobs: jobs}
		return resumable(b.run(c.Context, c.Bool("dry-run")))
	})
	command.Action = func(c *cli.Context) error {
		if c.IsSet("clean") {
			return cleans(c)
		}
		return run(c)
	}
	return command
}
