package report

import (
	"fmt"
	"strings"
)

// view is what the page and the Markdown show. All texts are plain; the templates escape them. Figures are the page's.
type view struct {
	Title     string
	Summary   []string
	Cards     []*cardView
	Warnings  []string
	Quality   []figureView
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

type modelView struct {
	ID, Name string
	Facts    facts
	Table    table
	Fidelity []string
	Knee     string
	Warnings []string
	Details  table
	Probes   table
	Steps    table
	Tasks    table
	Speed    table
	Claims   []string

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
func (r *Report) view() view {
	v := view{Title: r.title(), Summary: Summary(r), Warnings: cleanAll(r.Warnings), Facts: r.facts(),
		Dominated: dominatedSentence(r.ranked()), Glossary: glossary, Seconds: r.seconds()}
	for i := range r.Models {
		if c := r.Models[i].card(false); c != nil {
			v.Cards = append(v.Cards, c)
		}
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
	v.Table = formatTable(m, columns).named("Formats of "+v.Name,
		"Formats, most bits first; the marked row is the smallest within the budget.")
	v.Details = formatTable(m, detailColumns).named("Quantiles of "+v.Name,
		"Δp in percentage points of the true token’s probability, KLD in nats.")
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
			v.Files = append(v.Files, [2]string{clean(or(r.Path)), clean(r.SHA256)})
		}
	}
	for _, r := range m.Probes {
		if r.Path != "" {
			v.Files = append(v.Files, [2]string{clean(r.Path), clean(r.SHA256)})
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
