package report

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A model card has front matter that YAML reads, whatever the model is called, and names the file to take.
func TestModelCard(t *testing.T) {
	for _, r := range []*Report{demoReport(t), oddReport()} {
		for i := range r.Models {
			m := &r.Models[i]
			var b bytes.Buffer
			if err := ModelCard(&b, r, m, Origin{Base: "org/" + hostile, License: "mit"}); err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(b.String(), "---\n")
			front, text, ok := strings.Cut(rest, "\n---\n")
			var meta struct {
				Base    string   `yaml:"base_model"`
				By      string   `yaml:"quantized_by"`
				License string   `yaml:"license"`
				Tags    []string `yaml:"tags"`
			}
			if err := yaml.Unmarshal([]byte(front), &meta); err != nil || !ok || meta.Base != clean("org/"+hostile) ||
				meta.By != "bitmill" || meta.License != "mit" || !slices.Contains(meta.Tags, "gguf") {
				t.Errorf("%v: %+v from %q", err, meta, front)
			}
			if strings.Contains(strings.ReplaceAll(text, `\<`, ""), "<script") || strings.Contains(text, "\x1b") {
				t.Errorf("the card holds what a name smuggled in: %q", text)
			}
			if d := m.decide(); d.Deploy != nil && !strings.Contains(text, "**Deploy: "+escape(fileName(m, d.Deploy))+"**") {
				t.Errorf("the card does not say what to deploy: %s", text)
			}
		}
	}
}

// The commands of a model card are for its own folder, whatever that is called, and ask for no more tokens than the
// model was made for.
func TestModelCardCommands(t *testing.T) {
	r := demoReport(t)
	m := &r.Models[0]
	m.Name, m.Context, m.KVBytes = "-'a b'", 512, 1
	m.decide().Deploy.Path = "-'a b'/-'a b'-Q4_K_M.gguf"
	text := string(render(t, func(w io.Writer, r *Report) error { return ModelCard(w, r, m, Origin{}) }, r))
	for _, want := range []string{
		`llama-server -m '-'\''a b'\''-Q4_K_M.gguf' -c 512` + "\n", `ollama create a-b--q4_k_m -f`, "Memory with 512 tokens:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing: %s", want, text)
		}
	}
}

// report.csv has a line for every file, with as many cells as its head.
func TestCSV(t *testing.T) {
	for _, r := range []*Report{demoReport(t), oddReport(), {}, {Blocked: []Blocked{{"m", []string{"F16", "Q4_0"}, "why"}}}} {
		lines, err := csv.NewReader(bytes.NewReader(render(t, CSV, r))).ReadAll()
		want := 1
		for _, m := range r.Models {
			want += 1 + len(m.Artifacts)
		}
		for _, b := range r.Blocked {
			want += len(b.Formats)
		}
		if err != nil || len(lines) != want {
			t.Errorf("%d lines, want %d (%v)", len(lines), want, err)
		}
	}
}

// What goes with the files names those that a decision names.
func TestSumsAndModelfiles(t *testing.T) {
	m := &demoReport(t).Models[0]
	if s := m.Sums(); !strings.Contains(s, m.Artifacts[3].SHA256+"  demo-s-Q4_K_M.gguf\n") || strings.Count(s, "\n") != 7 {
		t.Error(s)
	}
	odd := Model{Artifacts: []Row{{Path: "a/b\n\\c.gguf", SHA256: "00"}}}
	if s := odd.Sums(); s != `\00  b\n\\c.gguf`+"\n" {
		t.Errorf("%q", s)
	}
	files := m.Modelfiles()
	if files["demo-s-Q4_K_M.Modelfile"] != "FROM ./demo-s-Q4_K_M.gguf\n" || len(files) != 3 {
		t.Errorf("%q", files)
	}
}
