package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rule is a dashed line: level across the plot at y, or vertical at x from the floor up to y.
type rule struct {
	vertical    bool
	x, y, floor float64
	label       string
}

func (r rule) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	style := draw.LineStyle{Color: limit, Width: 1, Dashes: []vg.Length{4, 3}}
	label := textStyle(10, limit)
	if r.vertical {
		x := trX(r.x)
		c.StrokeLine2(style, x, trY(r.floor), x, trY(r.y))
		label.XAlign, label.YAlign = draw.XLeft, draw.YBottom
		c.FillText(label, vg.Point{X: x + 3, Y: trY(r.floor) + 3}, r.label)
		return
	}
	y := trY(r.y)
	c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
	label.XAlign, label.YAlign = draw.XRight, draw.YBottom
	c.FillText(label, vg.Point{X: c.Max.X - 4, Y: y + 2}, r.label)
}

// labels writes the format names beside their marks, each where it overlaps no mark and no other label; a name without
// such a place is left out (the table has it).
type labels []series

func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	var taken []vg.Rectangle
	for _, s := range l {
		for _, m := range s.marks {
			taken = append(taken, around(vg.Point{X: trX(m.x), Y: trY(m.y)}, 4))
		}
	}
	for i, s := range l {
		style := textStyle(10, hue[i%len(hue)])
		for k, m := range s.marks {
			if k > 0 && m.label == s.marks[k-1].label {
				continue
			}
			at := vg.Point{X: trX(m.x), Y: trY(m.y)}
			w, h := style.Width(m.label), style.Height(m.label)
			for _, corner := range []vg.Point{
				{X: at.X + 7, Y: at.Y + 1}, {X: at.X - w/2, Y: at.Y + 7}, {X: at.X - w - 7, Y: at.Y - h - 1},
				{X: at.X - w/2, Y: at.Y - h - 7}, {X: at.X + 7, Y: at.Y - h - 1}, {X: at.X - w - 7, Y: at.Y + 1},
			} {
				box := vg.Rectangle{Min: corner, Max: vg.Point{X: corner.X + w, Y: corner.Y + h}}
				if within(box, c.Rectangle) && !overlaps(box, taken) {
					c.FillText(style, corner, m.label)
					taken = append(taken, box)
					break
				}
			}
		}
	}
}

func textStyle(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: face(size), XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

func around(p vg.Point, r vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: p.X - r, Y: p.Y - r}, Max: vg.Point{X: p.X + r, Y: p.Y + r}}
}

func within(a, b vg.Rectangle) bool {
	return a.Min.X >= b.Min.X && a.Max.X <= b.Max.X && a.Min.Y >= b.Min.Y && a.Max.Y <= b.Max.Y
}

func overlaps(a vg.Rectangle, others []vg.Rectangle) bool {
	for _, b := range others {
		if a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y {
			return true
		}
	}
	return false
}
