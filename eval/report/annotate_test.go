package report

import (
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// texts draws what is given on a plot and returns where each text stands.
func texts(p *plot.Plot, drawn ...plot.Plotter) map[string]vg.Point {
	var canvas recorder.Canvas
	c := draw.NewCanvas(&canvas, plotWidth, plotHeight)
	for _, d := range drawn {
		d.Plot(c, p)
	}
	out := map[string]vg.Point{}
	for _, a := range canvas.Actions {
		if s, ok := a.(*recorder.FillString); ok {
			out[s.String] = s.Point
		}
	}
	return out
}

// TestRuleLabelsMakeRoom: the label of a rule goes to its left where the next rule is near, and names keep away from the
// place where it stands, not from where it would have stood.
func TestRuleLabelsMakeRoom(t *testing.T) {
	p := newPlot("x", "y")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 2, 9, 0.01, 1
	p.Y.Scale = logScale{}
	c := draw.NewCanvas(&recorder.Canvas{}, plotWidth, plotHeight)
	trX, trY := p.Transforms(&c)
	rules := placed([]rule{
		{vertical: true, x: 6, y: 0.1, label: "knee 6.00", colour: hue[0]},
		{vertical: true, x: 6.2, y: 0.1, label: "6.20", colour: hue[1]},
	}, p)
	if rules[0].next != 6.2 || rules[1].next != 0 || rules[0].floor != 0.01 {
		t.Fatalf("%+v", rules)
	}
	at := texts(p, rules[0], rules[1])
	if at["knee 6.00"].X >= trX(6) || at["6.20"].X <= trX(6.2) {
		t.Errorf("the labels stand at %v", at)
	}
	box := rules[0].text(c, trX, trY)
	if box.Min.X != at["knee 6.00"].X {
		t.Errorf("the label stands at %v and its room is at %v", at["knee 6.00"], box)
	}
	// A mark whose name would stand in the label, were that not in its way.
	all := []series{{name: "m", marks: []mark{{x: 5.2, y: p.Y.Min * 1.01, label: "Q5_K_M"}}}}
	name, ok := texts(p, labels{all, rules})["Q5_K_M"]
	style := textStyle(10, hue[0])
	size := vg.Point{X: style.Width("Q5_K_M"), Y: style.Height("Q5_K_M")}
	if ok && overlaps(vg.Rectangle{Min: name, Max: name.Add(size)}, []vg.Rectangle{box}) {
		t.Errorf("the name at %v stands in the label %v", name, box)
	}
	free, there := texts(p, labels{all, nil})["Q5_K_M"]
	if !there || !overlaps(vg.Rectangle{Min: free, Max: free.Add(size)}, []vg.Rectangle{box}) {
		t.Errorf("without the rules the name stands at %v, out of the label's way: the test shows nothing", free)
	}
}
