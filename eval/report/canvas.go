package report

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// canvas lets gonum/plot draw into a drawing. The style sheet has the colours, widths and dashes, by class.
type canvas struct {
	vg.Canvas // nil: plots of charts have lines and level text
	*drawing
	class class
	thick vg.Length
	last  box // of the last text
}

// class is a class of the style sheet where gonum/plot wants a colour.
type class string

func (class) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0xffff }

func lines(c class) draw.LineStyle { return draw.LineStyle{Color: c, Width: 1} }

// place turns a place of gonum/plot, whose y grows upward, into one of the drawing.
func (c *canvas) place(at vg.Point) point { return point{float64(at.X), c.height - float64(at.Y)} }

func (c *canvas) SetColor(x color.Color)             { c.class, _ = x.(class) }
func (c *canvas) SetLineWidth(w vg.Length)           { c.thick = w }
func (c *canvas) SetLineDash([]vg.Length, vg.Length) {}

// Stroke draws lines that have a length.
func (c *canvas) Stroke(p vg.Path) {
	var points []point
	for _, s := range p {
		points = append(points, c.place(s.Pos))
	}
	if c.thick > 0 {
		c.path(string(c.class), slices.Compact(points))
	}
}

// FillString writes a text, unless it would touch the one before.
func (c *canvas) FillString(f font.Face, at vg.Point, s string) {
	b := wordBox("start", c.place(at), s, float64(f.Font.Size))
	if b.left -= 4; !b.meets(c.last) {
		c.last = b
		c.text(string(c.class), "start", c.place(at), s)
	}
}
