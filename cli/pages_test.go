package cli

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"
)

// shown finds the commands that pages show: in backquotes, or on lines of their own with four columns or a pipe of a
// workflow in front.
var shown = regexp.MustCompile("(?m)(?:`|^ {4,}(?:- run: |run: )?)(?:\\./)?bitmill ([a-z]+)((?:\\\\\n|[^`\n|#;])*)")

// TestCommandsOnPages: commands and flags on the pages and in the examples are those of the program.
func TestCommandsOnPages(t *testing.T) {
	app, found := newApp(nil, nil), 0
	pages := append(filesBelow(t, "docs"), "README.md", "CONTRIBUTING.md", "Containerfile")
	for _, page := range pages {
		data, err := os.ReadFile("../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shown.FindAllStringSubmatch(string(data), -1) {
			found++
			c := app.Command(m[1])
			if c == nil {
				t.Errorf("%s: %q: there is no such command", page, m[0])
				continue
			}
			flags := append(slices.Clone(app.Flags), c.Flags...)
			for _, name := range regexp.MustCompile(`(?:\s)--([a-z][a-z0-9-]*)`).FindAllStringSubmatch(m[2], -1) {
				known := slices.ContainsFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name[1]) })
				if !known && name[1] != "help" && name[1] != "version" {
					t.Errorf("%s: %q: %s has no flag --%s", page, m[0], m[1], name[1])
				}
			}
		}
	}
	if found < 12 {
		t.Errorf("only %d commands were found on %d pages", found, len(pages))
	}
}

// filesBelow are the files of a folder of the repository, as paths from its root.
func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".png") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPackaging: the files that the packages are made of are there, and the examples are YAML.
func TestPackaging(t *testing.T) {
	var release struct {
		Builds   []struct{ Main string }
		Archives []struct{ Files []struct{ Src string } }
		Nfpms    []struct{ Contents []struct{ Src string } }
	}
	data, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &release); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, b := range release.Builds {
		paths = append(paths, b.Main)
	}
	for _, a := range release.Archives {
		for _, f := range a.Files {
			paths = append(paths, f.Src)
		}
	}
	for _, p := range release.Nfpms {
		for _, f := range p.Contents {
			paths = append(paths, f.Src)
		}
	}
	if len(paths) < 8 {
		t.Errorf("only %d paths were found", len(paths))
	}
	for _, path := range paths {
		path, _, _ = strings.Cut(path, "*")
		if strings.HasPrefix(path, "dist.extra/") {
			continue // made by the hooks
		}
		if _, err := os.Stat("../" + path); err != nil {
			t.Errorf(".goreleaser.yaml: %v", err)
		}
	}
	for _, path := range filesBelow(t, "docs/examples") {
		if !strings.HasSuffix(path, ".yml") && !strings.HasSuffix(path, ".yaml") {
			continue
		}
		data, err := os.ReadFile("../" + path)
		if err == nil {
			err = yaml.Unmarshal(data, new(any))
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
