package report

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"bitmill/eval/paired"
)

//go:embed comparison.html.tmpl
var comparisonSource string

var comparisonPage = template.Must(template.Must(page.Clone()).New("comparison").Parse(comparisonSource))

// HTML writes the comparison as one page that needs nothing else, as the report's.
func (c *Comparison) HTML(w io.Writer) error {
	type modelView struct {
		Name   string
		Table  table
		Figure figureView
	}
	v := struct {
		Title   string
		Runs    []string
		Summary []string
		Models  []modelView
	}{"Runs beside each other", cleanAll(c.Runs), c.Summary(), nil}
	for _, m := range c.models() {
		view := modelView{Name: clean(m), Table: c.table(m)}
		if len(c.reports) == 2 {
			view.Figure = figure("Divergence against file size", "Lower and further left is better.", c.sizeChart(m))
		} else {
			view.Figure = figure("Divergence by run", "The runs from 1, the oldest.", c.trendChart(m))
		}
		v.Models = append(v.Models, view)
	}
	return comparisonPage.Execute(w, v)
}

// Markdown writes the comparison as GitHub-flavoured Markdown.
func (c *Comparison) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "# bitmill report\n\n")
	for _, s := range c.Summary() {
		fmt.Fprintf(b, "%s\n\n", escape(s))
	}
	for _, m := range c.models() {
		t := c.table(m)
		fmt.Fprintf(b, "## %s\n\n%s%s\n\n", escape(clean(m)), markdownTable(t), escape(t.Caption))
	}
	return b.Flush()
}

// Table writes the comparison for a terminal.
func (c *Comparison) Table(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, s := range c.Summary() {
		wrap(b, s, "")
	}
	for _, m := range c.models() {
		b.WriteString("\n" + clean(m) + "\n")
		terminalTable(b, c.table(m))
	}
	return b.Flush()
}

// table has a row for each file of a model. Of more than two runs, it also has the divergence in those before.
func (c *Comparison) table(model string) table {
	heads := []string{"Format"}
	for _, name := range c.Runs[:len(c.Runs)-2] {
		heads = append(heads, "KLD "+clean(name))
	}
	heads = append(heads, "Size before", "Size", "KLD before", "KLD", "Change", "Interval", "p", "Verdict")
	last := len(heads) - 1
	t := textTable(heads, 0, last).named("Files of "+clean(model),
		fmt.Sprintf("The last run against the one before: KLD from the source, its change with the interval in nats per token on "+
			"the windows that both have (where those are fewer than %d, the errors of the two runs count as independent), and "+
			"p-values corrected by Holm.", paired.Least))
	for i := range len(c.reports) - 2 { // narrow tables leave out the runs before, then the size before, then the interval
		t.Heads[1+i].rank = 3
	}
	t.Heads[last-7].rank, t.Heads[last-2].rank = 2, 1
	for _, x := range c.Changes {
		if x.Model != model {
			continue
		}
		row := []string{clean(x.Format)}
		for _, r := range c.reports[:len(c.reports)-2] {
			row = append(row, divergenceOf(r.Row(model, x.Format)))
		}
		row = append(row, sizeOf(x.was), sizeOf(x.is), divergenceOf(x.was), divergenceOf(x.is), none, none, none, string(x.Status))
		if d := x.Change; d != nil {
			if plausible(x.was.KLD, 1e-12, 1e6) && finite(x.share) {
				row[last-3] = fmt.Sprintf("%+.1f %%", 100*x.share)
			}
			row[last-2], row[last-1] = fmt.Sprintf("%+.2g to %+.2g", d.Low, d.High), probability(d.P)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func sizeOf(r *Row) string {
	if r == nil {
		return none
	}
	return size(r.FileBytes)
}

func divergenceOf(r *Row) string {
	if r == nil || !r.Compared() {
		return none
	}
	return divergence(r.KLD)
}

// sizeChart is divergence against file size, in both of two runs.
func (c *Comparison) sizeChart(model string) *chart {
	out := &chart{title: "Divergence of " + model + " against file size", x: "file size, logarithmic",
		y: "KLD, nats per token, logarithmic", logX: true, logY: true, ticks: logTicks(roundSize)}
	for i, r := range c.reports {
		s := series{name: clean(c.Runs[i])}
		for _, row := range r.rowsOf(model) {
			if drawable(row) {
				s.marks = append(s.marks, mark{x: float64(row.FileBytes), y: row.KLD, label: clean(row.Format)})
			}
		}
		if s.marks != nil {
			out.all = append(out.all, s)
		}
	}
	return out
}

// trendChart is the divergence of each format, run by run.
func (c *Comparison) trendChart(model string) *chart {
	out := &chart{title: "Divergence of " + model + " by run", x: "run", y: "KLD, nats per token, logarithmic",
		logY: true, ends: true, ticks: wholeTicks}
	focus := map[*Row]bool{}
	if m := c.reports[len(c.reports)-1].model(model); m != nil {
		focus = m.focus()
	}
	for _, x := range c.Changes {
		if x.Model != model {
			continue
		}
		s := series{name: clean(x.Format), main: x.is != nil && focus[x.is]}
		for i, r := range c.reports {
			if row := r.Row(model, x.Format); row != nil && drawable(row) {
				s.marks = append(s.marks, mark{x: float64(i + 1), y: row.KLD,
					title: fmt.Sprintf("%s in %s: %s", s.name, clean(c.Runs[i]), divergence(row.KLD))})
			}
		}
		if s.marks != nil {
			out.all = append(out.all, s)
		}
	}
	return out
}
