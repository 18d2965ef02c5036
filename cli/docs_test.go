package cli

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"bitmill/cli/pipeline"
	"bitmill/eval/gate"
	"bitmill/eval/report"
)

// printed are the packages whose structs --json prints or a run writes.
var printed = []string{"cli", "cli/pipeline", "cli/steps", "eval/bench", "eval/diff", "eval/gate", "eval/paired",
	"eval/pareto", "eval/report", "eval/score", "eval/task", "eval/threshold", "eval/verify",
	"formats/file", "formats/imatrix", "quantize"}

// readOnly are files whose structs are only read.
var readOnly = map[string]bool{"eval/task/layout.go": true}

// TestJSONIsDocumented finds every field of what is printed in docs/json.md.
func TestJSONIsDocumented(t *testing.T) {
	page := readPage(t, "json.md")
	found := 0
	for _, pkg := range printed {
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files: %v", pkg, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") || readOnly[pkg+"/"+filepath.Base(path)] {
				continue
			}
			for _, name := range jsonNames(t, path) {
				found++
				if !strings.Contains(page, "`"+name+"`") {
					t.Errorf("docs/json.md does not say what %q is (%s)", name, path)
				}
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d fields were found: the packages have moved", found)
	}
}

// jsonNames are the names that a file's struct tags give to fields.
func jsonNames(t *testing.T, path string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		if name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
		return true
	})
	return names
}

// TestCommandsAndMetricsAreDocumented: the pages know every command, metric and status.
func TestCommandsAndMetricsAreDocumented(t *testing.T) {
	page := readPage(t, "json.md")
	for _, c := range newApp(nil, nil).Commands {
		if !strings.Contains(page, c.Name) {
			t.Errorf("docs/json.md does not say what %s prints", c.Name)
		}
	}
	budgets := readPage(t, "budgets.md")
	names := gate.Metrics()
	for _, s := range []gate.Status{gate.Kept, gate.WithinError, gate.Undecided, gate.Broken, gate.Missing, gate.Skipped} {
		names = append(names, string(s))
	}
	for _, name := range names {
		if !strings.Contains(budgets, name) {
			t.Errorf("docs/budgets.md does not say what %s is", name)
		}
	}
}

// TestResultIsJSON: run --json prints the report and the findings of its check as two values, and nothing else.
func TestResultIsJSON(t *testing.T) {
	var out strings.Builder
	check := &gate.Result{Command: "bitmill run",
		Findings: []gate.Finding{{Rule: "kld at most 1", Status: gate.Undecided, Windows: 40}}}
	s := pipeline.Summary{Report: &report.Report{}, Check: check}
	if err := (jsonOutput{&terminal{stdout: &out}}).Result(s); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(out.String()))
	var r report.Report
	var c gate.Result
	if err := errors.Join(d.Decode(&r), d.Decode(&c)); err != nil || len(c.Findings) != 1 || d.More() {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestLinksBetweenPages: what a page refers to is there.
func TestLinksBetweenPages(t *testing.T) {
	err := fs.WalkDir(os.DirFS("../docs"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		parts := strings.Split(readPage(t, path), "](")
		for _, part := range parts[1:] {
			target, _, _ := strings.Cut(part, ")")
			file, anchor, _ := strings.Cut(target, "#")
			if strings.Contains(file, "://") {
				continue
			}
			if file == "" {
				file = path
			}
			if anchor != "" && !strings.Contains(headings(readPage(t, file)), "\n"+anchor+"\n") {
				t.Errorf("docs/%s refers to %s, which is not there", path, target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// headings are the anchors of a page, a line each.
func headings(page string) string {
	out := "\n"
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			text := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			out += strings.NewReplacer(" ", "-", ".", "", ",", "", ":", "").Replace(text) + "\n"
		}
	}
	return out
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
