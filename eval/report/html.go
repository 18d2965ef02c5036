package report

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html.tmpl
var pageSource string

//go:embed style.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageStyle) },
}).Parse(pageSource))

// HTML writes the report as one page that needs nothing else: styles and plots are inside, no script, no network.
func HTML(w io.Writer, r *Report, c Colophon) error {
	v := r.view(&c)
	v.Loss = figure("Loss against file size",
		"At equal size, lower is the better use of the bytes, also between models. Bars: the 95 % interval of the difference from the "+
			"model’s own source, often smaller than the mark. Crossed out, and not on the line: dominated by a file no larger. Not drawn: "+
			"files that diverge by more than a nat."+r.unnamed(), paretoChart(r))
	v.Resources = figure("Time and memory against bits per weight",
		"Dashed: the line fitted by least squares over the formats. Marks above it run worse than their size explains. "+
			"Bars: standard deviation over the repetitions.", resourceCharts(r)...)
	for i := range v.Models {
		v.Models[i].draw(&r.Models[i])
	}
	return page.Execute(w, v)
}

// draw adds the figures.
func (v *modelView) draw(m *Model) {
	v.Wide, v.Tall, v.Reading = heroChart(m, false), heroChart(m, true), m.reading()
	v.Confidence = figure("Divergence by the source’s confidence",
		"How the divergence spreads between tokens of which the source was unsure (left) and sure (right).",
		confidenceChart(m))
	g := m.grid()
	if g == nil {
		return
	}
	if g.layers > 1 {
		v.Layer = figure("Mean relative error by layer", "", layerChart(m, g))
	}
	s := g.scale()
	v.Heat = figureView{Caption: "Relative error by layer and role",
		Note: "The darker, or in a dark page the brighter, the larger the error. " +
			"One scale for all formats, by equal ratios.",
		Least: measure(s.low, 0, false), Most: measure(s.high, 0, false)}
	for i := range heatLevels {
		v.Heat.Shades = append(v.Heat.Shades, i+1)
	}
	for _, i := range g.chosen() {
		name := clean(g.rows[i].Format)
		if svg := g.heatMap(i, s, "Relative error of "+v.Name+" "+name+" by layer and role"); svg != "" {
			v.Heat.Plots = append(v.Heat.Plots, plotView{name, svg})
		}
	}
}
