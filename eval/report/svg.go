package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// drawing is an SVG element in the making. Lengths are units of its view box, which the page shows as about one CSS
// pixel each; y grows downward. Colours come from the classes of the style sheet, so they follow light, dark and print.
type drawing struct {
	width, height float64
	b             strings.Builder
}

// point is a place in a drawing.
type point struct{ x, y float64 }

// html closes the drawing. Its parts have names of their own, so it is a group and not one picture.
func (d *drawing) html(class, name string) template.HTML {
	return template.HTML(fmt.Sprintf("<svg class=\"%s\" viewBox=\"0 0 %s %s\" role=\"group\" aria-label=\"%s\">\n%s</svg>",
		class, length(d.width), length(d.height), attribute(name), d.b.String()))
}

// length is a number of units to a tenth.
func length(x float64) string {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	if s = strings.TrimSuffix(s, ".0"); s == "-0" {
		return "0"
	}
	return s
}

func attribute(s string) string { return template.HTMLEscapeString(clean(s)) }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// group opens a group that has a title, unless that is empty.
func (d *drawing) group(class, title string) {
	d.add("<g%s>", classed(class))
	if title != "" {
		d.add("<title>%s</title>", attribute(title))
	}
}

func (d *drawing) end() { d.add("</g>") }

func (d *drawing) line(class string, a, b point) {
	d.add(`<path class="%s" d="M%s %sL%s %s"/>`, class, length(a.x), length(a.y), length(b.x), length(b.y))
}

// path joins points.
func (d *drawing) path(class string, points []point) {
	if len(points) < 2 {
		return
	}
	var b strings.Builder
	for i, p := range points {
		b.WriteString([]string{"L", "M"}[min(1, max(0, 1-i))])
		b.WriteString(length(p.x) + " " + length(p.y))
	}
	d.add(`<path class="%s" d="%s"/>`, class, b.String())
}

func (d *drawing) rect(class string, r box) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, length(r.left), length(r.top),
		length(r.right-r.left), length(r.bottom-r.top))
}

// text writes a line at a place of its base line, from there (start), up to there (end) or around it (middle).
func (d *drawing) text(class, anchor string, at point, s string) {
	d.add(`<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, length(at.x), length(at.y), attribute(s))
}

// shapes are the marks of series, by the number of the series; signs are the same in a legend.
var (
	shapes = []func(d *drawing, at point, r float64){
		(*drawing).disc, (*drawing).square, (*drawing).triangle, (*drawing).diamond,
		(*drawing).ring, (*drawing).frame, (*drawing).tent, (*drawing).kite}
	signs = []string{"●", "■", "▲", "◆", "○", "□", "△", "◇"}
)

func (d *drawing) disc(at point, r float64) { d.circle("", at, r) }
func (d *drawing) ring(at point, r float64) { d.circle("open", at, r) }

func (d *drawing) circle(class string, at point, r float64) {
	d.add(`<circle%s cx="%s" cy="%s" r="%s"/>`, classed(class), length(at.x), length(at.y), length(r))
}

func (d *drawing) square(at point, r float64)   { d.polygon("", at, r*.9, -1, -1, 1, -1, 1, 1, -1, 1) }
func (d *drawing) frame(at point, r float64)    { d.polygon("open", at, r*.9, -1, -1, 1, -1, 1, 1, -1, 1) }
func (d *drawing) triangle(at point, r float64) { d.polygon("", at, r*1.15, 0, -1, 1, .8, -1, .8) }
func (d *drawing) tent(at point, r float64)     { d.polygon("open", at, r*1.15, 0, -1, 1, .8, -1, .8) }
func (d *drawing) diamond(at point, r float64)  { d.polygon("", at, r*1.25, 0, -1, 1, 0, 0, 1, -1, 0) }
func (d *drawing) kite(at point, r float64)     { d.polygon("open", at, r*1.25, 0, -1, 1, 0, 0, 1, -1, 0) }

// cross is the mark of what is crossed out.
func (d *drawing) cross(at point, r float64) {
	d.line("cross", point{at.x - r, at.y - r}, point{at.x + r, at.y + r})
	d.line("cross", point{at.x - r, at.y + r}, point{at.x + r, at.y - r})
}

// polygon has its corners around a place, in units of r.
func (d *drawing) polygon(class string, at point, r float64, corners ...float64) {
	var b strings.Builder
	for i := 0; i < len(corners); i += 2 {
		b.WriteString([]string{"L", "M"}[min(1, max(0, 1-i))])
		b.WriteString(length(at.x+r*corners[i]) + " " + length(at.y+r*corners[i+1]))
	}
	d.add(`<path%s d="%sz"/>`, classed(class), b.String())
}

func classed(class string) string {
	if class == "" {
		return ""
	}
	return ` class="` + class + `"`
}
