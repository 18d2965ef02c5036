package report

import "html/template"

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
	SVG  template.HTML // from svg, which escapes names
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
				f.Legend = legend(c.all)
			}
		}
	}
	return f
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
