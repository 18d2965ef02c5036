package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bitmill/eval/gate"
	"bitmill/eval/report"
	"bitmill/eval/verify"
	"bitmill/formats"
	"bitmill/formats/file/filetest"
)

// TestHostileNamesAreShown lets the commands print what a GGUF file, a folder or a report with hostile names holds:
// nothing that steers a terminal gets out, no name begins a line, and JSON stays JSON.
func TestHostileNamesAreShown(t *testing.T) {
	plain := map[string]int{}
	for _, what := range append([]string{"plain"}, slices.Sorted(maps.Keys(filetest.Names))...) {
		name := filetest.Names[what]
		if what == "plain" {
			name = "name"
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "model.gguf")
		b := header(2, 3).str("general.name").u32(8).str(name).str("a."+name).u32(8).str(name).
			str("tokenizer.chat_template").u32(8).str(name).info(name, 0, 0, 8).info("b", 0, 32, 8)
		for len(b)%32 > 0 {
			b = append(b, 0)
		}
		if err := os.WriteFile(path, append(b, make([]byte, 64)...), 0o644); err != nil {
			t.Fatal(err)
		}
		reported := filepath.Join(dir, "report.json")
		if err := os.WriteFile(reported, reportOf(t, name), 0o644); err != nil {
			t.Fatal(err)
		}
		budget := filepath.Join(dir, "budget.yaml")
		if err := os.WriteFile(budget, []byte("rules: [{metric: kld, max: 0.01}]"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"inspect", path}, {"verify", path}, {"diff", path, path}, {"split", path, filepath.Join(dir, "s")},
			{"plan", path, "-f", "Q8_0"}, {"tokenize", path, "--text=" + name}, {"check", reported, "--budget", budget},
			{"recommend", reported}, {"threshold", reported}, {"verify", reported}} {
			for _, flags := range [][]string{nil, {"--json"}} {
				key := args[0] + filepath.Base(args[1]) + strings.Join(flags, "")
				var out, errs bytes.Buffer
				code := Main(append(append([]string{"bitmill"}, args...), flags...), &out, &errs)
				if flags != nil && code == exitOK && !json.Valid(out.Bytes()) {
					t.Errorf("%s: %s is not JSON: %.300s", what, key, out.Bytes())
				}
				for _, b := range [][]byte{out.Bytes(), errs.Bytes()} {
					if i := bytes.IndexFunc(b, func(r rune) bool { return r != '\n' && r != '\t' && formats.Harmful(r) }); i >= 0 || !utf8.Valid(b) {
						t.Errorf("%s: %s prints %q", what, key, b)
					}
				}
				lines := bytes.Count(out.Bytes(), []byte("\n"))
				if what == "plain" {
					plain[key] = lines
				} else if lines != plain[key] && (args[0] == "inspect" || args[0] == "verify" || args[0] == "diff") && code == exitOK {
					t.Errorf("%s: %s prints %d lines, with a plain name %d:\n%.500s", what, key, lines, plain[key], out.Bytes())
				}
			}
		}
	}
}

// reportOf is a report.json in which everything has the name.
func reportOf(t *testing.T, name string) []byte {
	t.Helper()
	row := func(format string, bits int64, kld float64) report.Row {
		r := report.Blank(format)
		r.Path, r.FileBytes, r.PayloadBits, r.Weights, r.KLD, r.PPL, r.SameTop = name+".gguf", bits/8, bits, 1000, kld, 10, .9
		return r
	}
	r := &report.Report{Tool: name, Warnings: []string{name}, Text: report.TextInfo{Name: name},
		Models: []report.Model{{Name: name, Parameters: 1000, Source: row(name, 16000, 0), Warnings: []string{name},
			Artifacts: []report.Row{row(name, 8000, .001), row(name+"2", 4000, .1)}}}}
	var b bytes.Buffer
	if err := report.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostileNamesInFiles: what CI systems and shells read takes no name for anything else.
func TestHostileNamesInFiles(t *testing.T) {
	for what, name := range filetest.Names {
		var junit, summary bytes.Buffer
		result := &gate.Result{Findings: []gate.Finding{{Model: name, Format: name, Rule: name, Reason: name, Status: gate.Broken},
			{Model: name, Format: name, Rule: name, Reason: name, Status: gate.Skipped}, {Model: name, Rule: name, Reason: name, Status: gate.Kept}}}
		if err := gate.WriteJUnit(&junit, result); err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Cases []struct {
				Name string `xml:"name,attr"`
				Any  []any  `xml:",any"`
			} `xml:"testcase"`
		}
		if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil || len(suite.Cases) != 3 || suite.Cases[0].Name != formats.Clean(name) {
			t.Errorf("%s: JUnit %v: %s", what, err, junit.Bytes())
		}
		if err := gate.WriteSummary(&summary, result); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(summary.String(), "\n"), "\n")
		if len(lines) != 7 {
			t.Errorf("%s: the summary has %d lines:\n%s", what, len(lines), summary.Bytes())
		}
		for _, l := range lines[4:] {
			cells := strings.Count(strings.ReplaceAll(strings.ReplaceAll(l, `\\`, ""), `\|`, ""), "|")
			if plain := strings.ReplaceAll(l, `\<`, ""); cells != 6 || strings.Contains(plain, "<") {
				t.Errorf("%s: the line %s", what, l)
			}
		}
		hash := strings.Repeat("0a", 32)
		list, err := verify.ParseManifest("sums", verify.FormatManifest([]verify.Hash{{Name: name, SHA256: hash}, {Name: "b", SHA256: hash}}))
		if err != nil || len(list) != 2 || list[0].Name != name {
			t.Errorf("%s: the manifest gives %+v, %v", what, list, err)
		}
		sh, err := exec.LookPath("sh")
		if err != nil || strings.Contains(name, "\x00") {
			continue // an argument holds no NUL
		}
		if out, err := exec.Command(sh, "-c", "printf %s "+formats.ShellWords(name)).Output(); err != nil || string(out) != name {
			t.Errorf("%s: the shell reads %q, %v", what, out, err)
		}
	}
}
