package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// drawnText is a text of a drawing with the room that it takes.
type drawnText struct {
	box
	class, text string
}

// parts are what a test wants to know of a drawing.
type parts struct {
	width, height float64
	texts         []drawnText // but those of tips
	marks         []string    // their titles
	untitled      int         // marks without one
	spots         []string    // names of what can be pointed at
}

// partsOf reads a drawing as a browser would.
func partsOf(t *testing.T, svg string) (p parts) {
	t.Helper()
	sizes := map[string]float64{"zoneword": 11, "budgetword": 11, "budgetword strong": 12, "axis": 11.5, "name faintname": 10.5,
		"name chosenname": 14, "name refname": 11, "name frontname": 11}
	type open struct{ tag, class, title string }
	var stack []open
	var text *drawnText
	var anchor string
	var at point
	inTip, turned := 0, 0
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, x := range e.Attr {
				a[x.Name.Local] = x.Value
			}
			stack = append(stack, open{e.Name.Local, a["class"], ""})
			if a["class"] == "tip" {
				inTip++
			}
			if a["transform"] != "" {
				turned++
			}
			if a["class"] == "spot" {
				p.spots = append(p.spots, a["aria-label"])
			}
			switch e.Name.Local {
			case "svg":
				fmt.Sscanf(a["viewBox"], "0 0 %f %f", &p.width, &p.height)
			case "text":
				at.x, _ = strconv.ParseFloat(a["x"], 64)
				at.y, _ = strconv.ParseFloat(a["y"], 64)
				anchor, text = a["text-anchor"], &drawnText{class: a["class"]}
			}
		case xml.CharData:
			if text != nil {
				text.text += string(e)
			} else if n := len(stack); n > 1 && stack[n-1].tag == "title" {
				stack[n-2].title += string(e)
			}
		case xml.EndElement:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			switch {
			case top.tag == "text":
				size := 12.0
				for class, s := range sizes {
					if strings.HasPrefix(text.class, class) {
						size = s
					}
				}
				if strings.HasPrefix(text.class, "name series") {
					size = 11
				} else if strings.HasSuffix(text.class, " small") {
					size = 10.5
				}
				text.box = wordBox(anchor, at, text.text, size)
				if inTip == 0 && turned == 0 {
					p.texts = append(p.texts, *text)
				}
				text = nil
			case top.class == "tip":
				inTip--
			case top.tag == "g" && strings.HasPrefix(top.class, "mark"):
				p.marks = append(p.marks, top.title)
				if top.title == "" {
					p.untitled++
				}
			case top.tag == "g" && top.class == "" && turned > 0:
				turned--
			}
		}
	}
}

var svgs = regexp.MustCompile(`(?s)<svg.*?</svg>`)

// TestDrawingsAreLegible: in every drawing of every page no two texts overlap, all lie within it, and every mark has a
// title. Charts with many formats are among them.
func TestDrawingsAreLegible(t *testing.T) {
	for name, r := range map[string]*Report{"demo": demoReport(t), "odd": oddReport(), "all": measuredReport(t), "many": manyReport()} {
		for i, svg := range svgs.FindAllString(string(render(t, htmlOf, r)), -1) {
			p := partsOf(t, svg)
			if p.untitled > 0 || p.width < 100 {
				t.Errorf("%s, drawing %d: %d of %d marks have no title; %g units wide", name, i, p.untitled, len(p.marks), p.width)
			}
			for k, a := range p.texts {
				if !a.within(box{-1, -1, p.width + 1, p.height + 1}) && !strings.Contains(a.text, "script") {
					t.Errorf("%s, drawing %d: %q at %v stands outside of %g x %g", name, i, a.text, a.box, p.width, p.height)
				}
				for _, b := range p.texts[:k] {
					if a.meets(b.box) {
						t.Errorf("%s, drawing %d: %q at %.0f covers %q at %.0f", name, i, a.text, a.box, b.text, b.box)
					}
				}
			}
		}
	}
}

// manyReport has forty formats, most of them dominated and close to each other.
func manyReport() *Report {
	m := Model{Name: "many", Source: Blank("BF16")}
	m.Source.FileBytes, m.Source.PPL, m.Source.KLD = 16e8, 8, 0
	for i := range 40 {
		r := Blank(fmt.Sprintf("Q%d_K_%c", 2+i/6, 'A'+rune(i%6)))
		r.Weights = 8e8
		r.PayloadBits = int64(8e8 * (2 + .15*float64(i)))
		r.FileBytes = r.PayloadBits/8 + 1e5
		r.PPL, r.KLD, r.SameTop, r.LnRatio = 8, math.Round(1e7*math.Exp2(-.25*float64(i)+float64(i*7%5)/4))/1e7, .9, .01
		r.Confidence = buckets(r.KLD)
		m.Artifacts = append(m.Artifacts, r)
	}
	return &Report{Models: []Model{m}}
}

// TestHeroNamesTheFrontier: both forms of the chart name every format on the frontier, ring the file to deploy once, and
// let every file be pointed at.
func TestHeroNamesTheFrontier(t *testing.T) {
	for name, r := range map[string]*Report{"demo": demoReport(t), "all": measuredReport(t), "many": manyReport()} {
		for i := range r.Models {
			m := &r.Models[i]
			h := hero{m: m}
			h.pick()
			for _, tall := range []bool{false, true} {
				svg := string(heroChart(m, tall))
				p := partsOf(t, svg)
				for _, f := range h.files {
					named := slices.ContainsFunc(p.texts, func(x drawnText) bool { return x.text == f.row.Format })
					if f.front && !f.probe && !named {
						t.Errorf("%s %s, tall %v: %s has no name", name, m.Name, tall, f.row.Format)
					}
				}
				if n := strings.Count(svg, `"chosenring"`); n != 1 || len(p.spots) != len(h.files) || slices.Contains(p.spots, "") {
					t.Errorf("%s %s: %d rings, %d of %d files can be pointed at", name, m.Name, n, len(p.spots), len(h.files))
				}
			}
		}
	}
}

// TestSeriesDiffer: no two series of a chart have the same colour and mark, however many there are; the file to deploy
// keeps its own.
func TestSeriesDiffer(t *testing.T) {
	r := manyReport()
	c := confidenceChart(&r.Models[0])
	numbers, seen := c.numbers(), map[int]bool{}
	for i, n := range numbers {
		if n > 0 && seen[n] || n > colours {
			t.Errorf("series %d looks as another", i)
		}
		seen[n] = true
		if c.all[i].name == r.Models[0].decide().Deploy.Format && n == 0 {
			t.Error("the file to deploy is grey")
		}
	}
	if len(c.all) != 40 || c.rest() < 32 {
		t.Errorf("%d series, %d of them grey", len(c.all), c.rest())
	}
	if len(shapes) != colours || len(signs) != colours {
		t.Errorf("%d colours, %d shapes, %d signs", colours, len(shapes), len(signs))
	}
	for i := range colours {
		for _, scheme := range strings.SplitN(pageStyle, "@media", 2) {
			if !strings.Contains(scheme, fmt.Sprintf("--series%d:", i+1)) {
				t.Errorf("a scheme of the style sheet has no colour %d", i+1)
			}
		}
	}
}

// TestLabelsKeepClear: a label stands beside its mark, away from others; one far off has a leader line that crosses none.
func TestLabelsKeepClear(t *testing.T) {
	r := room{area: box{0, 0, 400, 300}}
	mark := point{200, 150}
	for x := 150.0; x <= 250; x += 10 {
		for y := 100.0; y <= 200; y += 10 {
			if x != mark.x || y < mark.y { // free straight below the mark only
				r.taken = append(r.taken, around(point{x, y}, 4))
			}
		}
	}
	taken := slices.Clone(r.taken)
	l, ok := r.place(mark, 60, 12, 4, 200)
	if !ok || !l.free(taken) || !l.lead || l.top < 200 {
		t.Fatalf("%+v %v", l, ok)
	}
	for _, b := range along(l.from, l.to) {
		if !b.free(taken) {
			t.Errorf("the leader line crosses a mark at %v", b)
		}
	}
	free := room{area: r.area}
	if l, ok := free.place(mark, 60, 12, 4, 200); !ok || l.lead || l.right < mark.x || l.bottom > mark.y {
		t.Errorf("with room the name stands at %+v", l)
	}
	if _, ok := free.place(mark, 500, 12, 4, 200); ok {
		t.Error("a name wider than the chart has a place")
	}
}
