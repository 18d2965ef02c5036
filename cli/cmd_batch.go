package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

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
			&cli.StringFlag{Name: "output", Aliases: []string{"o"},
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

// jobFile is a manifest. Every key of a job except name and models is a flag of run.
type jobFile struct {
	Defaults map[string]any   `yaml:"defaults"`
	Jobs     []map[string]any `yaml:"jobs"`
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

// readJobs reads a manifest, its jobs' keys as the flags of run.
func readJobs(path, out string) ([]job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m jobFile
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the manifest cannot be read: %w", path, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the manifest has a second document: put all jobs into the first, without a "+
			"line ---", path)
	}
	if len(m.Jobs) == 0 {
		return nil, fmt.Errorf("%s: the manifest has no jobs", path)
	}
	var jobs []job
	seen := map[string]bool{}
	for i, keys := range m.Jobs {
		all := maps.Clone(m.Defaults)
		if all == nil {
			all = map[string]any{}
		}
		maps.Copy(all, keys)
		j, err := newJob(all, out)
		if err == nil && seen[j.Name] {
			err = fmt.Errorf("an earlier job has the name %q too", j.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: job %d: %w", path, i+1, err)
		}
		seen[j.Name] = true
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// newJob reads one job.
func newJob(keys map[string]any, out string) (job, error) {
	name := ""
	if names, err := words(keys["name"]); err == nil && len(names) == 1 {
		name = names[0] // a number is a name too
	}
	if name == batchName {
		return job{}, fmt.Errorf("name %q is that of the file of results; give the job another", name)
	}
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return job{}, fmt.Errorf("name %q: give every job a name that can be a folder's name", name)
	}
	models, err := words(keys["models"])
	if err != nil || len(models) == 0 {
		return job{}, fmt.Errorf("job %q names no models", name)
	}
	c, err := runFlags(models)
	if err == nil {
		err = c.Set("output", filepath.Join(out, name))
	}
	if err != nil {
		return job{}, err
	}
	args := []string{"run", "--output", c.String("output")}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key == "name" || key == "models" {
			continue
		}
		values, err := words(keys[key])
		if err == nil {
			err = setFlag(c, key, values)
		}
		if err != nil {
			return job{}, fmt.Errorf("job %q: %w", name, err)
		}
		for _, v := range values {
			args = append(args, "--"+key+"="+v)
		}
	}
	j := job{Name: name, Args: append(append(args, "--"), models...)}
	if err = checkFlags(c); err == nil {
		j.options, err = runOptions(c)
	}
	if err != nil {
		return job{}, fmt.Errorf("job %q: %w", name, err)
	}
	return j, nil
}

// runFlags returns the flags of run with their default values and the models as arguments.
func runFlags(models []string) (*cli.Context, error) {
	set := flag.NewFlagSet("run", flag.ContinueOnError)
	run := runCommand()
	for _, f := range run.Flags {
		if err := f.Apply(set); err != nil {
			return nil, err
		}
	}
	err := set.Parse(append([]string{"--"}, models...))
	c := cli.NewContext(nil, set, nil)
	c.Command = run
	return c, err
}

// setFlag sets a flag of run by any of its names.
func setFlag(c *cli.Context, key string, values []string) error {
	i := slices.IndexFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), key) })
	if i < 0 || c.Command.Flags[i].Names()[0] == "output" {
		return fmt.Errorf("run has no flag --%s that a job may set", key)
	}
	if _, many := c.Command.Flags[i].(*cli.StringSliceFlag); many && values != nil {
		values = []string{cli.NewStringSlice(values...).Serialize()} // a comma is part of a value
	}
	for _, v := range values {
		if err := c.Set(c.Command.Flags[i].Names()[0], v); err != nil {
			return fmt.Errorf("%s: %q: %w", key, v, err)
		}
	}
	return nil
}

// words returns the values of a key: one, or those of a list.
func words(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		var out []string
		for _, x := range v {
			w, err := words(x)
			if err != nil {
				return nil, err
			}
			out = append(out, w...)
		}
		return out, nil
	case map[string]any:
		return nil, fmt.Errorf("%v is neither a value nor a list", v)
	default:
		return []string{fmt.Sprint(v)}, nil
	}
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
		err := j.run(ctx, e)
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
