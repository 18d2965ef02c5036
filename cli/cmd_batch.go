package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
	"bitmill/formats/file"
)

func batchCommand() *cli.Command {
	needs := arguments(1, 1, "MANIFEST.yaml -o DIR", "output")
	return &cli.Command{
		Name:      "batch",
		Usage:     "run many jobs from a manifest",
		ArgsUsage: "MANIFEST.yaml",
		Description: "Each job is one bitmill run into a folder of its own; its keys are the flags of run. " +
			"A job that fails does not stop the others. " +
			"The same command again does what is missing. A manifest:\n\n" +
			"   defaults: {formats: 'Q4_K_M,Q8_0', text: eval.txt, calibration: cal.txt}\n" +
			"   jobs:\n     - {name: small, models: [models/small]}\n" +
			"     - {name: family, models: [models/small, models/large], formats: all, budget: budget.yaml}",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", TakesFile: true, Aliases: []string{"o"},
				Usage: "output `DIR`: a folder per job, and batch.json"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the commands and stop"},
		},
		Action: needs.action(func(c *cli.Context, e env, args []string) error {
			jobs, err := readJobs(args[0], c.String("output"))
			if err != nil {
				return err
			}
			return resumable(runBatch(c.Context, e, jobs, c.String("output"), c.Bool("dry-run")))
		}),
	}
}

// batchName is the file of results, beside the jobs' folders.
const batchName = "batch.json"

// job is one run; its options are read before the first one starts.
type job struct {
	Name   string   `json:"name"`
	Args   []string `json:"args"` // of bitmill, to run the job by hand
	Status string   `json:"status"`
	Error  string   `json:"error,omitempty"`
	Report string   `json:"report,omitempty"`

	options pipeline.Options
}

// runBatch runs the jobs one after the other. Their output goes to standard error; the result is their outcomes.
func runBatch(ctx context.Context, e env, jobs []job, out string, dry bool) error {
	if dry {
		for _, j := range jobs {
			fmt.Fprintf(e.stdout, "bitmill %s\n", strings.Join(j.Args, " "))
		}
		return nil
	}
	failed := 0
	for i := range jobs {
		j := &jobs[i]
		fmt.Fprintf(e.stderr, "bitmill: job %d of %d: %s\n", i+1, len(jobs), printable(j.Name))
		err := file.Guard(func() error { return j.run(ctx, e) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			fmt.Fprintf(e.stderr, "bitmill: job %s: %s\n", printable(j.Name), printable(err.Error()))
		}
	}
	return e.finishBatch(jobs, out, failed)
}

// run runs the job and records its outcome.
func (j *job) run(ctx context.Context, e env) error {
	j.options.Threads = e.Threads
	summary, err := runPipeline(ctx, j.options, terminal{stdout: e.stderr, stderr: e.stderr, quiet: e.quiet})
	switch {
	case err == nil:
		j.Status = "done"
	case errors.As(err, new(incompleteError)):
		j.Status, j.Error = "gate not met", err.Error()
	default:
		j.Status, j.Error = "failed", err.Error()
		return err
	}
	j.Report = path.Join(j.Name, filepath.Base(summary.Path))
	return err
}

func (e env) finishBatch(jobs []job, out string, failed int) error {
	var b strings.Builder
	if err := (env{stdout: &b}).printJSON(struct {
		Jobs []job `json:"jobs"`
	}{jobs}); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := file.Write(filepath.Join(out, batchName), []byte(b.String())); err != nil {
		return err
	}
	if e.json {
		fmt.Fprint(e.stdout, b.String())
	} else {
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, j := range jobs {
			fmt.Fprintf(w, "%s\t%s\t%s\n", printable(j.Name), j.Status, printable(j.Report+j.Error))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if failed > 0 {
		return incompleteError{fmt.Errorf("%d of %d jobs failed", failed, len(jobs))}
	}
	return nil
}
