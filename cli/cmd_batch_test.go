package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadJobs: every job becomes a command line, or the manifest is refused before anything runs.
func TestReadJobs(t *testing.T) {
	for text, want := range map[string]string{
		"jobs: [{name: a, models: m}]":                               "run --output out/a -- m",
		"jobs: [{name: 7, models: [m, n], chunks: 2}]":               "run --output out/7 --chunks=2 -- m n",
		"defaults: {text: t}\njobs: [{name: a, models: m, text: u}]": "run --output out/a --text=u -- m",
		"":                                            "no jobs",
		"jobs: [null]":                                "give every job a name",
		"jobs: [{name: a/b, models: m}]":              "give every job a name",
		"jobs: [{name: [a, b], models: m}]":           "give every job a name",
		"jobs: [{name: batch.json, models: m}]":       "give the job another",
		"jobs: [{name: a}]":                           "names no models",
		"jobs: [{name: a, models: m, output: x}]":     "no flag --output",
		"jobs: [{name: a, models: m}]\n---\njobs: []": "first document",
	} {
		path := filepath.Join(t.TempDir(), "manifest.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		jobs, err := readJobs(path, "out")
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = filepath.ToSlash(strings.Join(jobs[0].Args, " "))
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
