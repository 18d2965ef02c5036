package report

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
)

//go:embed page.html.tmpl
var pageSource string

//go:embed style.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageStyle) },
}).Parse(pageSource))

// HTML writes the report as one page that needs nothing else: styles and plots are inside, no script, no network.
func HTML(w io.Writer, r *Report) error {
	v := r.view()
	v.Quality = slices.DeleteFunc([]figureView{
		figure("Divergence from the source against bits per weight",
			"Lower and further left is better. The line joins the formats that none of as few bits beats. Bars: one standard error, often smaller than the mark. "+
				"Shaded: the intervals of thresholds and knees."+r.unnamed(), kldChart(r)),
		figure("Loss against file size",
			"At equal size, lower is the better use of the bytes. Bars: the 95 % interval of the difference from the "+
				"model’s own source, often smaller than the mark. Crossed out, and not on the line: dominated by a file no larger."+r.unnamed(), paretoChart(r)),
	}, func(f figureView) bool { return f.Plots == nil })
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
	v.Confidence = figure("Divergence by the source’s confidence",
		"How the divergence spreads between tokens of which the source was unsure (left) and sure (right).",
		confidenceChart(m))
	v.Confidence.Legend = nil // lines carry their names
	g := m.grid()
	if g == nil {
		return
	}
	if g.layers > 1 {
		v.Layer = figure("Mean relative error by layer", "", layerChart(m, g))
		v.Layer.Legend = nil
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
