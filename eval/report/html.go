package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"bitmill/eval/threshold"
)

//go:embed page.html.tmpl
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// view is what the page shows. All texts are plain; the template escapes them.
type view struct {
	Title                string
	Summary              []string
	Warnings             []string
	KLDPlot              template.HTML // made by svg, which escapes the names in it
	PPLPlot              template.HTML
	KLDLegend, PPLLegend []legendView
	Models               []modelView
	Economy              []economyView
	Facts                [][2]string
	Glossary             []string
	Seconds              []secondsView
}

type legendView struct {
	Sign, Name string
	Series     int // of the style sheet
}

type modelView struct {
	Name     string
	Facts    [][2]string
	Heads    []headView
	Rows     []rowView
	Fidelity []string
	Warnings []string
	Files    [][2]string // path, hash
}

type headView struct {
	Text, Title string
	Left        bool
}

type rowView struct {
	Cells          []cellView
	Source, Chosen bool
}

type cellView struct {
	Text string
	Left bool
}

type economyView struct {
	Larger, Evidence, Method, Level string
	Heads                           []headView
	Rows                            []rowView
}

type secondsView struct {
	Name  string
	Steps [][2]string
}

// HTML writes the report as one page that needs nothing else: styles and plots are inside, no script, no network.
func HTML(w io.Writer, r *Report) error {
	klds, ppls := kldSeries(r), pplSeries(r)
	kld, err := kldPlot(klds)
	if err != nil {
		return err
	}
	ppl, err := pplPlot(ppls)
	if err != nil {
		return err
	}
	v := view{Title: r.title(), Summary: Summary(r), Warnings: cleanAll(r.Warnings), KLDPlot: template.HTML(kld), PPLPlot: template.HTML(ppl), KLDLegend: legend(klds), PPLLegend: legend(ppls),
		Facts: r.facts(), Glossary: glossary, Seconds: r.seconds()}
	for i := range r.Models {
		v.Models = append(v.Models, viewModel(&r.Models[i]))
	}
	for i := range r.Economy {
		v.Economy = append(v.Economy, viewEconomy(&r.Economy[i]))
	}
	return page.Execute(w, v)
}

// legend names the lines of a plot; a single one needs no name.
func legend(all []series) []legendView {
	if len(all) < 2 {
		return nil
	}
	out := make([]legendView, len(all))
	for i, s := range all {
		out[i] = legendView{sign[i%len(sign)], s.name, i%len(hue) + 1}
	}
	return out
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
	v := modelView{Name: clean(m.Name), Facts: m.facts(), Fidelity: fidelityLines(&m.Fidelity), Warnings: cleanAll(m.Warnings)}
	t := newTable(m)
	for _, c := range t.columns {
		v.Heads = append(v.Heads, headView{c.head, c.title, c.left})
	}
	for i, cells := range t.rows {
		row := rowView{Source: i == 0, Chosen: i == t.chosen}
		for k, s := range cells {
			row.Cells = append(row.Cells, cellView{s, t.columns[k].left})
		}
		v.Rows = append(v.Rows, row)
	}
	for _, r := range m.sorted() {
		if r.SHA256 != "" {
			v.Files = append(v.Files, [2]string{clean(or(r.Path)), clean(r.SHA256)})
		}
	}
	return v
}

func viewEconomy(e *threshold.Economy) economyView {
	v := economyView{Larger: clean(e.Larger), Evidence: clean(e.Evidence), Method: clean(e.Method), Level: level(e.Level)}
	heads, rows := economyTable(e)
	left := func(i int) bool { return i == 0 || i == 3 || i == 6 }
	for i, h := range heads {
		v.Heads = append(v.Heads, headView{Text: h, Left: left(i)})
	}
	for _, cells := range rows {
		var row rowView
		for i, s := range cells {
			row.Cells = append(row.Cells, cellView{s, left(i)})
		}
		v.Rows = append(v.Rows, row)
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
