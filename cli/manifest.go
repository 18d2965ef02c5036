package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"bitmill/cli/pipeline"
	"bitmill/formats"
	"bitmill/formats/store"
)

// jobFile is a manifest. Every key of a job except name and models is a flag of run.
type jobFile struct {
	Defaults map[string]any   `yaml:"defaults"`
	Jobs     []map[string]any `yaml:"jobs"`
}

// readJobs reads a manifest, its jobs' keys as the flags of run. Paths in it count from its folder. The error is about
// every job that is wrong.
func readJobs(path, out string) ([]job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m jobFile
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the manifest cannot be read: %w", path, formats.YAMLError(err))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the manifest has a second document: put all jobs into the first, without a "+
			"line ---", path)
	}
	if len(m.Jobs) == 0 {
		return nil, fmt.Errorf("%s: the manifest has no jobs", path)
	}
	var jobs []job
	var wrong []error
	seen := map[string]bool{}
	defaults, err := longNames(m.Defaults)
	if err != nil {
		return nil, fmt.Errorf("%s: defaults: %w", path, err)
	}
	for i, keys := range m.Jobs {
		var j job
		own, err := longNames(keys)
		if err == nil {
			all := maps.Clone(defaults)
			maps.Copy(all, own)
			j, err = newJob(all, filepath.Dir(path), out)
		}
		if err == nil && seen[j.Name] {
			err = usagef("an earlier job has the name %q too", j.Name)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: job %d: %w", path, i+1, err))
		}
		seen[j.Name] = true
		jobs = append(jobs, j)
	}
	return jobs, errors.Join(wrong...)
}

// longNames returns the keys under the long names of their flags: in a job, f stands for formats and takes the place of
// formats among the defaults.
func longNames(keys map[string]any) (map[string]any, error) {
	flags, long := runCommand().Flags, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		name := key
		for _, f := range flags {
			if slices.Contains(f.Names(), key) {
				name = f.Names()[0]
			}
		}
		if _, twice := long[name]; twice {
			return nil, usagef("%s is given twice, once by its short name", name)
		}
		long[name] = keys[key]
	}
	return long, nil
}

// newJob reads one job; keys are long names, and paths count from the folder base.
func newJob(keys map[string]any, base, out string) (job, error) {
	name := ""
	if names, err := words(keys["name"]); err == nil && len(names) == 1 {
		name = names[0] // a number is a name too
	}
	if name == batchName || name == ".bitmill" {
		return job{}, usagef("name %q is that of a file of batch itself; give the job another", name)
	}
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return job{}, usagef("name %q: give every job a name that can be a folder's name", name)
	}
	models, err := words(keys["models"])
	if err != nil || len(models) == 0 {
		return job{}, usagef("job %q names no models", name)
	}
	if models, err = below(base, models); err != nil {
		return job{}, fmt.Errorf("job %q: models: %w", name, err)
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
		if err != nil {
			return job{}, fmt.Errorf("job %q: %s: %w", name, key, err)
		}
		if values, err = setFlag(c, key, base, values); err != nil {
			return job{}, fmt.Errorf("job %q: %w", name, err)
		}
		for _, v := range values {
			args = append(args, "--"+key+"="+v)
		}
	}
	j := job{Name: name, Status: notStarted, Args: append(append(args, "--"), models...)}
	if err = checkFlags(c); err == nil {
		j.options, err = runOptions(c)
	}
	if err != nil {
		return job{}, fmt.Errorf("job %q: %w", name, inPlace(c, err))
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
	c := cli.NewContext(&cli.App{}, set, nil)
	c.Command = run
	return c, err
}

// below makes paths count from the folder base.
func below(base string, paths []string) ([]string, error) {
	out := slices.Clone(paths)
	for i, p := range paths {
		switch {
		case p == stream:
			return nil, usagef("a job reads no standard input: name a file")
		case store.IsURL(p):
			path, err := store.Local(p)
			if err != nil {
				return nil, usageError{Err: err}
			}
			out[i] = path
		case p != "" && !filepath.IsAbs(p):
			out[i] = filepath.Join(base, p)
		}
	}
	return out, nil
}

// setFlag sets a flag of run by its long name, and returns its values, of which files count from the folder base.
func setFlag(c *cli.Context, key, base string, values []string) (set []string, err error) {
	i := slices.IndexFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == key })
	if i < 0 || key == "output" || key == "dry-run" {
		return nil, usagef("run has no flag --%s that a job may set", key)
	}
	builtin := slices.Contains([]string{"calibration", "text"}, key) && slices.Equal(values, []string{pipeline.Builtin})
	if takesFile(c.Command.Flags[i]) && !builtin {
		if values, err = below(base, values); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	for _, v := range values {
		if takesFile(c.Command.Flags[i]) && store.IsURL(v) && !slices.Contains(remote["run"], key) {
			return nil, usagef("%s: %s must be on this machine, it cannot be a URL", store.Plain(v), key)
		}
	}
	set = values
	if _, many := c.Command.Flags[i].(*cli.StringSliceFlag); many && values != nil {
		values = []string{cli.NewStringSlice(values...).Serialize()} // a comma is part of a value
	}
	for _, v := range values {
		if err := c.Set(key, v); err != nil {
			return nil, usagef("%s: %q: %w", key, v, err)
		}
	}
	return set, nil
}

// takesFile reports whether a flag's values are files.
func takesFile(f cli.Flag) bool {
	switch f := f.(type) {
	case *cli.StringFlag:
		return f.TakesFile
	case *cli.StringSliceFlag:
		return f.TakesFile
	}
	return false
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
		return nil, usagef("%v is neither a value nor a list", v)
	default:
		return []string{fmt.Sprint(v)}, nil
	}
}
