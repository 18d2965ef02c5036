package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// fonts is what vgsvg says of a font; the page's own is wanted.
var fonts = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`)

// svg draws the plot as an SVG element for an HTML page: no XML prolog, sized by the page, coloured by its style sheet.
func svg(p *plot.Plot, width, height vg.Length, title string) (string, error) {
	c := vgsvg.New(width, height)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("plot: %w", err)
	}
	s := b.String()
	start := strings.Index(s, "<svg")
	if start < 0 {
		return "", fmt.Errorf("plot: vgsvg wrote no <svg> element")
	}
	end := start + strings.Index(s[start:], ">") + 1
	s = fmt.Sprintf("<svg class=\"plot\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=%q>", width.Points(), height.Points(),
		html.EscapeString(title)) + s[end:]
	s = fonts.ReplaceAllString(s, "")
	return recolour(s), nil
}

// recolour replaces the marker colours.
func recolour(s string) string {
	pairs := []string{hex(ink), "currentColor", hex(faint), "var(--rule)", hex(limit), "var(--limit)"}
	for i, c := range hue {
		pairs = append(pairs, hex(c), fmt.Sprintf("var(--series%d)", i+1), hex(bands[i]), fmt.Sprintf("var(--series%d);fill-opacity:.14", i+1))
	}
	for i := range heatLevels {
		pairs = append(pairs, hex(heat(i)), fmt.Sprintf("var(--heat%d)", i+1))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
