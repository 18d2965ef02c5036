package report

import (
	"fmt"
	"html/template"
	"strings"
)

// view is what the page and the Markdown show. All texts are plain; the templates escape them. Figures are the page's.
type view struct {
	Title     string
	Head      facts // when and where it was made
	Command   string
	Verdict   *verdictView
	Summary   []string
	Lines     []string // of the summary, that stand above the cards
	Warnings  []string
	Loss      figureView
	Dominated string
	Measured  bool // some model has speed and memory
	Resources figureView
	Models    []modelView
	Economy   []economyView
	Located   table
	Evidence  []string // of Located
	Facts     facts
	Glossary  []string
	Seconds   []secondsView
}

// verdictView is the result of a check.
type verdictView struct {
	Passed       bool
	Badge, Count string
	Table        table
}

type modelView struct {
	ID, Name string
	Card     *cardView
	Facts    facts
	Main     table // which file
	Rows     []fileRow
	Table    table // all figures
	Fidelity []string
	Knee     string
	Warnings []string
	Changes  table
	Details  table
	Probes   table
	Steps    table
	Tasks    table
	Speed    table
	Claims   []string

	Wide, Tall  template.HTML // the chart of the answer
	Reading     readingView
	Confidence  figureView
	Buckets     table
	TensorNote  string
	Heat, Layer figureView
	Roles       table
	Layers      table
	Files       [][2]string // path, hash
}

type economyView struct {
	ID, Larger, Evidence, Method, Level string
	Table                               table
}

type secondsView struct {
	Name  string
	Steps [][2]string
}

// view is the report without its figures.
func (r *Report) view(c *Colophon) view {
	v := view{Title: r.title(), Head: c.facts(r), Command: c.command(r), Summary: Summary(r), Lines: r.lines(),
		Warnings: cleanAll(r.Warnings), Facts: r.facts(), Dominated: dominatedSentence(r.ranked()), Glossary: glossary(),
		Seconds: r.seconds()}
	if c.Verdict != nil {
		v.Verdict = &verdictView{Passed: c.Verdict.Passed, Badge: c.Verdict.badge(), Count: clean(c.Verdict.Count),
			Table: c.Verdict.table()}
	}
	for i := range r.Models {
		m := r.Models[i].view()
		m.ID = fmt.Sprintf("model-%d", i+1)
		v.Measured = v.Measured || m.Speed.Rows != nil
		v.Models = append(v.Models, m)
	}
	v.Located, v.Evidence = r.locatedTable(), r.locatedSentences()
	for i := range r.Economy {
		e := &r.Economy[i]
		v.Economy = append(v.Economy, economyView{ID: fmt.Sprintf("economy-%d", i+1), Larger: clean(e.Larger),
			Evidence: clean(e.Evidence), Method: clean(e.Method), Level: level(e.Level), Table: economyTable(e)})
	}
	return v
}

func (r *Report) title() string {
	var names []string
	for i := range r.Models {
		names = append(names, clean(r.Models[i].Name))
	}
	if len(names) == 0 {
		return "bitmill report"
	}
	return strings.Join(names, ", ")
}

func (m *Model) view() modelView {
	v := modelView{Name: clean(m.Name), Facts: m.facts(), Fidelity: fidelityLines(&m.Fidelity),
		Knee: clean(m.Knee.Evidence), Warnings: m.warnings(), Claims: m.claimSentences(), Steps: m.stepTable(),
		Tasks:   m.taskTable(),
		Buckets: m.bucketTable()}
	v.Card = m.card(false)
	v.Main = m.fileTable()
	v.Rows = m.fileRows(&v.Main)
	v.Table = formatTable(m, columns).named("All figures of "+v.Name,
		"All figures with their errors, most bits first; the marked row is the file to deploy.")
	v.Changes = formatTable(m, changeColumns).named("Changes of probabilities of "+v.Name,
		"Δp in percentage points of the true token’s probability: mean, root mean square, quantiles over tokens.")
	v.Details = formatTable(m, quantileColumns).named("Quantiles of "+v.Name,
		"Quantiles of the divergence over tokens, nats.")
	v.Probes = m.probeTable()
	v.Speed = formatTable(m, resourceColumns).named("Speed and memory of "+v.Name, m.machine())
	if g := m.grid(); g != nil {
		v.TensorNote = clean(m.TensorNote)
		v.Roles = g.byRole().named("Relative error by role of "+v.Name, "Mean relative error over the layers, by role.")
		if g.layers > 1 {
			v.Layers = g.byLayer().named("Relative error by layer of "+v.Name, "Mean over the quantized tensors of the layer.")
		}
	}
	for _, r := range m.sorted() {
		if r.SHA256 != "" {
			v.Files = append(v.Files, [2]string{clean(or(r.Path)), digits(r.SHA256)})
		}
	}
	for _, r := range m.Probes {
		if r.Path != "" {
			v.Files = append(v.Files, [2]string{clean(r.Path), digits(r.SHA256)})
		}
	}
	return v
}

func cleanAll(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = clean(s)
	}
	return out
}
