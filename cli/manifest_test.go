package cli

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"bitmill/cli/pipeline"
)

// TestReadJobs: every job is understood, or the manifest is refused before anything runs.
func TestReadJobs(t *testing.T) {
	for text, want := range map[string]string{
		"jobs: [{name: a, models: m}]":                                    "run --output out/a -- DIR/m",
		"jobs: [{name: 7, models: [m, n], chunks: 2}]":                    "run --output out/7 --windows=2 -- DIR/m DIR/n",
		"defaults: {text: t}\njobs: [{name: a, models: m, t: u}]":         "run --output out/a --text=DIR/u -- DIR/m",
		"defaults: {t: t, text: u}\njobs: [{name: a, models: m}]":         "defaults: text is given twice",
		"jobs: [{name: a, models: m, c: 64, ctx: 128}]":                   "job 1: ctx is given twice",
		"defaults: {text: t}\njobs: [{name: a, models: m, text: u}]":      "run --output out/a --text=DIR/u -- DIR/m",
		"jobs: [{name: a, models: m, imatrix: i, target-bpw: [3.25, 4]}]": "run --output out/a --imatrix=DIR/i --target-bpw=3.25 --target-bpw=4 -- DIR/m",
		"jobs: [{name: a, models: m, tasks: [q, /r]}]":                    "run --output out/a --tasks=DIR/q --tasks=/r -- DIR/m",
		"jobs: [{name: a, models: m, target-size: much}]":                 "job \"a\": --target-size",
		"jobs: [{name: a, models: /m, t: /t, budget: ''}]":                "run --output out/a --budget= --text=/t -- /m",
		"jobs: [{name: a, models: builtin, calibration: builtin}]":        "run --output out/a --calibration=builtin -- DIR/builtin",
		"jobs: [{name: a, models: m, text: '-'}]":                         "reads no standard input",
		"jobs: [{name: a, models: '-'}]":                                  "reads no standard input",
		"jobs: [{name: .bitmill, models: m}]":                             "give the job another",
		"":                                                                "no jobs",
		"jobs: [m]":                                                       "line 1: the text `m` stands where a mapping belongs",
		"job: []":                                                         "line 1: there is no key \"job\"",
		"jobs: [null]":                                                    "give every job a name",
		"jobs: [{name: a/b, models: m}]":                                  "give every job a name",
		"jobs: [{name: [a, b], models: m}]":                               "give every job a name",
		"jobs: [{name: batch.json, models: m}]":                           "give the job another",
		"jobs: [{name: a}]":                                               "names no models",
		"jobs: [{name: a, models: m, output: x}]":                         "no flag --output",
		"jobs: [{name: a, models: m, formats: Q9_9}]":                     "job \"a\": unknown format",
		"jobs: [{name: a, models: m, chunks: many}]":                      "job \"a\": --windows \"many\": give a number of windows",
		"jobs: [{name: a, models: m, ctx: 1}]":                            "--ctx 1: a window needs at least",
		"jobs: [{name: a, models: m, text: {b: c}}]":                      "text: map[b:c] is neither a value nor a list",
		"jobs: [{name: a, models: m}]\n---\njobs: []":                     "second document",

		"jobs: [{name: a, models: m}, {name: b}, {name: a, models: n, chunks: -1}]": "job 2: job \"b\" names no models\n",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "manifest.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		jobs, err := readJobs(path, "out")
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.ReplaceAll(filepath.ToSlash(strings.Join(jobs[0].Args, " ")), filepath.ToSlash(dir)+"/", "DIR/")
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestJobsAreWhatTheirFlagsSay: a job's options are those that run reads from the same flags.
func TestJobsAreWhatTheirFlagsSay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	text := `jobs:
  - {name: a, models: [m, -n], f: [Q4_K_M, 'Q8_0,F16'], t: text.txt, c: 256, chunks: 3, pure: true,
     bench: false, strict: true, tensor-type: ['a{1,2}=q8_0', b=f16], kld-budget: 0.2, max-memory: 1GiB, lora: ada,
     include-weights: [x, y], budget: b.yaml}
  - {name: b, models: m, formats: all, no-imatrix: true, allow-requantize: true, override-kv: a=int:3}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	app := newApp(io.Discard, io.Discard)
	var want pipeline.Options
	app.Command("run").Action = func(c *cli.Context) (err error) {
		want, err = runOptions(c)
		return err
	}
	jobs, err := readJobs(path, "out")
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		args, err := permute(app, append([]string{"bitmill"}, j.Args...))
		if err == nil {
			err = app.Run(args)
		}
		if err != nil || !reflect.DeepEqual(j.options, want) {
			t.Errorf("%s: %+v, want %+v, %v", j.Name, j.options, want, err)
		}
	}
}
