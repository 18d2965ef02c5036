package report

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"text/template"

	"bitmill/formats"
)

// Origin is what a model card says of the source.
type Origin struct {
	Base    string // id or name of the model
	License string // "" when not known
}

// CardMark stands in a model card as long as nobody has made it their own.
const CardMark = "Written by bitmill run, which replaces it."

//go:embed hub.md.tmpl
var hubSource string

var hub = template.Must(template.New("hub").Funcs(template.FuncMap{
	"escape": escape, "yaml": strconv.Quote, "table": markdownTable,
}).Parse(hubSource))

// hubView is what a model card shows.
type hubView struct {
	Origin
	Mark                     string
	Name, Tool, Source, Text string
	Calibration              string // text of the importance matrix
	Card                     *cardView
	Files                    table
}

// ModelCard writes the README.md of a folder of artifacts as the Hugging Face hub wants it: front matter, which file to
// take, a table of files, commands.
func ModelCard(w io.Writer, r *Report, m *Model, o Origin) error {
	v := hubView{Origin: Origin{clean(o.Base), clean(o.License)}, Mark: CardMark, Name: clean(m.Name),
		Tool: clean(r.Tool), Card: m.card(true),
		Source: fmt.Sprintf("%s, %s", clean(m.Source.Format), size(m.Source.FileBytes)), Files: m.hubTable(m.sorted())}
	if t := &r.Text; t.Windows > 0 {
		v.Text = fmt.Sprintf("%s (%s of %d tokens)", clean(t.Name), formats.Several(t.Windows, "window"), t.Context)
	}
	if c := m.Calibration; c != nil && c.Text != "" {
		v.Calibration = fmt.Sprintf("%s (%s)", clean(c.Text), formats.Several(c.Windows, "window"))
	}
	return hub.Execute(w, v)
}

func (m *Model) hubTable(rows []*Row) table {
	t := table{Heads: []head{{"File", "", true, 0}, {"Size", "", false, 0}, {"BPW", "", false, 0}, {"KLD", "", false, 0},
		{"Same next token", "", false, 0}, {"Perplexity", "", false, 0}, {"Quality", "", true, 0}}}
	for _, r := range rows {
		figures := []string{none, none, none}
		if r.Compared() {
			figures = []string{measure(r.KLD, r.KLDSE, false), percent(r.SameTop), change(r)}
		}
		line := append([]string{fileName(m, r), size(r.FileBytes), or(bpwOf(r.PayloadBits, r.Weights))}, figures...)
		t.Rows = append(t.Rows, append(line, r.Grade().String()))
	}
	return t
}

// CSV writes a line per file, with plain numbers, and one per format that could not be made; what was not measured is
// empty.
func CSV(w io.Writer, r *Report) error {
	c := csv.NewWriter(w)
	number := func(x float64) string {
		if !finite(x) {
			return ""
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	lines := [][]string{{"model", "format", "file", "sha256", "method", "file_bytes", "payload_bits", "weights", "bpw",
		"ppl", "ppl_se", "ln_ratio", "ln_ratio_se", "kld", "kld_se", "same_top", "grade", "note"}}
	for i := range r.Models {
		m := &r.Models[i]
		for _, row := range append([]*Row{&m.Source}, m.sorted()...) {
			grade := ""
			if row != &m.Source && row.Grade() != Ungraded {
				grade = row.Grade().String()
			}
			lines = append(lines, []string{csvText(m.Name), csvText(row.Format), csvText(row.Path), csvText(row.SHA256),
				csvText(row.Method),
				strconv.FormatInt(row.FileBytes, 10), strconv.FormatInt(row.PayloadBits, 10), strconv.FormatInt(row.Weights, 10),
				bpwOf(row.PayloadBits, row.Weights), number(row.PPL), number(row.PPLSE), number(row.LnRatio),
				number(row.LnRatioSE), number(row.KLD), number(row.KLDSE), number(row.SameTop), grade, ""})
		}
	}
	for _, b := range r.Blocked {
		for _, f := range b.Formats {
			line := make([]string, len(lines[0]))
			line[0], line[1], line[len(line)-2], line[len(line)-1] = csvText(b.Model), csvText(f), "blocked", csvText(b.Reason)
			lines = append(lines, line)
		}
	}
	if err := c.WriteAll(lines); err != nil {
		return err
	}
	return c.Error()
}

// csvText is a name that no spreadsheet takes for a formula: those begin with = + - @.
func csvText(s string) string {
	if s = clean(s); s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Sums lists the artifacts' SHA-256 as sha256sum does, for files in the model's folder: behind a backslash, a name has
// its own ones and line ends escaped.
func (m *Model) Sums() string {
	escape := strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for _, r := range m.sorted() {
		if r.SHA256 != "" && r.Path != "" {
			base, mark := path.Base(r.Path), ""
			if escape.Replace(base) != base {
				base, mark = escape.Replace(base), `\`
			}
			fmt.Fprintf(&b, "%s%s  %s\n", mark, digits(r.SHA256), base)
		}
	}
	return b.String()
}

// Modelfiles are what ollama needs to know of the files of the decision, by name. A name that could be read as a line
// of its own has none.
func (m *Model) Modelfiles() map[string]string {
	out := map[string]string{}
	d := m.decide()
	for _, r := range []*Row{d.Deploy, d.Smaller, d.Safer} {
		if r == nil || r.Path == "" {
			continue
		}
		if base := path.Base(r.Path); clean(base) == base {
			out[strings.TrimSuffix(base, ".gguf")+".Modelfile"] = "FROM ./" + base + "\n"
		}
	}
	return out
}
