package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzManifest: no manifest of batch and no file of settings panics; every job writes below the batch's folder.
func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	manifest, settings := filepath.Join(dir, "jobs.yaml"), filepath.Join(dir, "config.yaml")
	f.Setenv(configEnv, settings)
	f.Add("defaults: {f: Q8_0, threads: 2}\njobs:\n  - {name: a, models: [m, n], ctx: 64}\n  - {name: 1, models: m}\n", "threads: 2\n")
	f.Add("jobs: [{name: ../a, models: m}, {name: /a, models: m, output: x}, {name: '', models: [[m]]}]", "threads: x\n")
	f.Add("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\njobs: [{name: n, models: *b, tensor-type: *b}]", "method: [a]")
	f.Fuzz(func(t *testing.T, text, config string) {
		for path, data := range map[string]string{manifest: text, settings: config} {
			if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _ = readConfig()
		jobs, err := readJobs(manifest, filepath.Join(dir, "out"))
		if err != nil {
			return
		}
		for _, j := range jobs {
			if out := j.options.Out; !strings.HasPrefix(out, filepath.Join(dir, "out")+string(filepath.Separator)) {
				t.Fatalf("job %q writes to %s", j.Name, out)
			}
		}
	})
}
