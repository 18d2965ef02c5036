package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// fonts matches the font that vgsvg sets; the page's own is wanted.
var fonts = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`)

// svg draws the plot as an SVG element for an HTML page: no XML prolog, sized by the page, coloured by its style sheet.
func svg(p *plot.Plot, width, height vg.Length, title string) template.HTML {
	c := vgsvg.New(width, height)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	c.WriteTo(&b) // a buffer takes everything
	_, s, _ := strings.Cut(b.String(), "<svg")
	_, s, _ = strings.Cut(s, ">")
	s = fmt.Sprintf("<svg class=\"plot\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=%q>",
		width.Points(), height.Points(), template.HTMLEscapeString(title)) + fonts.ReplaceAllString(s, "")
	return template.HTML(recolour(s))
}

// recolour replaces the marker colours.
func recolour(s string) string {
	pairs := []string{hex(ink), "currentColor", hex(faint), "var(--rule)", hex(limit), "var(--limit)"}
	for i, c := range hue {
		series := fmt.Sprintf("var(--series%d)", i+1)
		pairs = append(pairs, hex(c), series, hex(bands[i]), series+";fill-opacity:.14")
	}
	for i := range heatLevels {
		pairs = append(pairs, hex(heat(i)), fmt.Sprintf("var(--heat%d)", i+1))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
