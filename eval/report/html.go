package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html.tmpl
var pageSource string

//go:embed style.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(pageStyle) }}).Parse(pageSource))

// view is what the page shows. All texts are plain; the template escapes them.
type view struct {
	Title     string
	Summary   []string
	Warnings  []string
	Quality   []figureView
	Dominated string
	Resources resourcesView
	Models    []modelView
	Economy   []economyView
	Facts     [][2]string
	Glossary  []string
	Seconds   []secondsView
}

type resourcesView struct {
	Figure figureView
	Models []resourceView
}

type resourceView struct {
	Name   string
	Table  table
	Claims []string
}

type modelView struct {
	ID, Name string
	Facts    [][2]string
	Table    table
	Fidelity []string
	Knee     string
	Warnings []string
	Details  table
	Steps    table

	Confidence  figureView
	Buckets     table
	TensorNote  string
	Heat, Layer figureView
	Roles       table
	Layers      table
	Files       [][2]string // path, hash
}

type economyView struct {
	ID, Larger, Evidence, Method string
	Table                        table
}

type secondsView struct {
	Name  string
	Steps [][2]string
}

// HTML writes the report as one page that needs nothing else: styles and plots are inside, no script, no network.
func HTML(w io.Writer, r *Report) error {
	v := view{Title: r.title(), Summary: Summary(r), Warnings: cleanAll(r.Warnings), Facts: r.facts(), Glossary: glossary, Seconds: r.seconds()}
	size, all := paretoChart(r)
	v.Dominated = dominatedSentence(all)
	v.Quality = slices.DeleteFunc([]figureView{
		figure("Divergence from the source against bits per weight", "Lower and further left is better. Bars: one standard error, "+
			"often smaller than the mark. Shaded: the intervals of thresholds and knees.", kldChart(r)),
		figure("Loss against file size", "At equal size, lower is the better use of the bytes. Bars: the 95 % interval of the difference "+
			"from the model’s own source, often smaller than the mark. Crossed out: dominated by a file no larger.", size),
	}, func(f figureView) bool { return f.Plots == nil })
	v.Resources = viewResources(r)
	for i := range r.Models {
		m := viewModel(&r.Models[i])
		m.ID = fmt.Sprintf("model-%d", i+1)
		v.Models = append(v.Models, m)
	}
	for i := range r.Economy {
		e := &r.Economy[i]
		v.Economy = append(v.Economy, economyView{ID: fmt.Sprintf("economy-%d", i+1), Larger: clean(e.Larger), Evidence: clean(e.Evidence),
			Method: clean(e.Method), Table: economyTable(e)})
	}
	return page.Execute(w, v)
}

func viewResources(r *Report) (v resourcesView) {
	v.Figure = figure("Time and memory against bits per weight", "Dashed: the line fitted by least squares over the formats. "+
		"Marks above it run worse than their size explains. Bars: standard deviation over the repetitions.", resourceCharts(r)...)
	for i := range r.Models {
		m := &r.Models[i]
		t := formatTable(m, resourceColumns)
		if t.Rows == nil {
			continue
		}
		t.Label, t.Caption = "Speed and memory of "+clean(m.Name), m.machine()
		v.Models = append(v.Models, resourceView{Name: clean(m.Name), Table: t, Claims: m.claimSentences()})
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

func viewModel(m *Model) modelView {
	v := modelView{Name: clean(m.Name), Facts: m.facts(), Fidelity: fidelityLines(&m.Fidelity),
		Knee: clean(m.Knee.Evidence), Warnings: m.warnings()}
	v.Table, v.Details, v.Steps, v.Buckets = formatTable(m, columns), formatTable(m, detailColumns), m.stepTable(), m.bucketTable()
	v.Table.Label, v.Table.Caption = "Formats of "+v.Name, "Formats, most bits first; the marked row is the smallest within the budget."
	v.Details.Label, v.Details.Caption = "Quantiles of "+v.Name, "Δp in percentage points of the true token’s probability, KLD in nats."
	v.Confidence = figure("Divergence by the source’s confidence",
		"How the divergence spreads between tokens of which the source was unsure (left) and sure (right).", confidenceChart(m))
	v.Confidence.Legend = nil // lines carry their names
	if g := m.grid(); g != nil {
		v.tensors(m, g)
	}
	for _, r := range m.sorted() {
		if r.SHA256 != "" {
			v.Files = append(v.Files, [2]string{clean(or(r.Path)), clean(r.SHA256)})
		}
	}
	return v
}

// tensors fills in what is shown of the tensors' errors.
func (v *modelView) tensors(m *Model, g *tensorGrid) {
	v.TensorNote = clean(m.TensorNote)
	s := g.scale()
	v.Heat = figureView{Caption: "Relative error by layer and role",
		Note: "The darker, or in a dark page the brighter, the larger the error. One scale for all formats, by equal ratios."}
	v.Heat.Least, v.Heat.Most = measure(s.low, 0, false), measure(s.high, 0, false)
	for i := range heatLevels {
		v.Heat.Shades = append(v.Heat.Shades, i+1)
	}
	for _, i := range g.chosen() {
		name := clean(g.rows[i].Format)
		if svg := g.heatMap(i, s, "Relative error of "+v.Name+" "+name+" by layer and role"); svg != "" {
			v.Heat.Plots = append(v.Heat.Plots, plotView{name, svg})
		}
	}
	if g.layers > 1 {
		v.Layer = figure("Mean relative error by layer", "", layerChart(m, g))
		v.Layer.Legend = nil
		v.Layers = g.byLayer()
		v.Layers.Label, v.Layers.Caption = "Relative error by layer of "+v.Name, "Mean over the quantized tensors of the layer."
	}
	v.Roles = g.byRole()
	v.Roles.Label, v.Roles.Caption = "Relative error by role of "+v.Name, "Mean relative error over the layers, by role."
}

func cleanAll(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = clean(s)
	}
	return out
}
