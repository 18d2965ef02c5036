package report

import (
	"fmt"
	"html/template"

	"bitmill/formats"
)

// figureView is one plot, or several of a kind side by side.
type figureView struct {
	Caption, Note string
	Legend        []legendView
	Shades        []int  // of heat maps: numbers in the style sheet
	Least, Most   string // of their errors
	Plots         []plotView
}

// Several reports whether the plots stand side by side.
func (f figureView) Several() bool { return len(f.Plots) > 1 || f.Shades != nil }

type plotView struct {
	Name string        // heading of one of several
	SVG  template.HTML // from a drawing, which escapes names
}

type legendView struct {
	Sign, Name string
	Series     int // of the style sheet
}

// figure draws charts that share a legend; one without marks is left out.
func figure(caption, note string, charts ...*chart) figureView {
	f := figureView{Caption: caption, Note: note}
	for _, c := range charts {
		if s := c.svg(); s != "" {
			f.Plots = append(f.Plots, plotView{SVG: s})
			if f.Legend == nil {
				f.Legend = c.legend()
			}
			if n := c.rest(); n > 0 && len(f.Plots) == 1 {
				f.Note += fmt.Sprintf(" Grey: %s.", formats.Several(n, "other"))
			}
		}
	}
	return f
}

// legend names the lines of a plot; a single one needs no name, nor do those that are named at their ends.
func (c *chart) legend() (out []legendView) {
	if len(c.all) < 2 || c.ends {
		return nil
	}
	for i, n := range c.numbers() {
		if n > 0 {
			out = append(out, legendView{signs[n-1], c.all[i].name, n})
		}
	}
	return out
}
