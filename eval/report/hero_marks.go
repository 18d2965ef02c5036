package report

import (
	"fmt"
	"math"
	"strings"
)

// curves joins the frontier, and the same formats as the encoders make them.
func (h *hero) curves() {
	var front, reference []point
	for _, f := range h.files {
		if f.front {
			front = append(front, f.at)
		}
		if f.reference != (point{}) {
			reference = append(reference, f.reference)
		}
	}
	h.d.path("refline", reference)
	h.d.path("frontier", front)
	h.room.lines = append(alongAll(front), alongAll(reference)...)
}

// marks draws what cannot be pointed at: every one has a title.
func (h *hero) marks() {
	deploy := h.m.decide().Deploy
	for _, f := range h.files {
		if f.reference != (point{}) {
			h.d.group("mark ref", h.m.referenceTitle(f.row))
			h.d.frame(f.reference, 3.2)
			h.d.end()
			h.room.taken = append(h.room.taken, around(f.reference, 4))
		}
	}
	for _, front := range []bool{false, true} { // those on the frontier last, over the others
		for _, f := range h.files {
			if f.front == front {
				h.mark(f, f.row == deploy)
			}
		}
	}
}

func (h *hero) mark(f heroFile, deploy bool) {
	class, r := "mark front", 4.2
	switch {
	case f.probe:
		class, r = "mark probe", 2.6
	case !f.front:
		class, r = "mark faint", 3
	}
	h.d.group(class, strings.Join(h.m.pointLines(f.row, f.probe), ", "))
	if f.probe {
		h.d.diamond(f.at, r)
	} else {
		h.d.disc(f.at, r)
	}
	if deploy {
		h.d.circle("chosenring", f.at, 9)
		r = 9
	}
	h.d.end()
	h.room.taken = append(h.room.taken, around(f.at, r))
}

// budget draws the line that the fidelity threshold is measured against.
func (h *hero) budget() {
	b := h.m.Fidelity.Budget
	if !(b >= h.y.Min && b <= h.y.Max) {
		return
	}
	y := h.y.at(b)
	h.d.line("budget", point{h.area.left, y}, point{h.area.right, y})
	h.room.lines = append(h.room.lines, box{h.area.left, y - 2, h.area.right, y + 2})
	words := fmt.Sprintf("budget %g nats", b)
	for _, at := range []point{{h.area.left + 7, y - 6}, {h.area.left + 7, y + 14}, {h.area.right - 130, y - 6},
		{(h.area.left + h.area.right) / 2, y - 6}, {h.area.right - 130, y + 14}} {
		if l := wordBox("start", at, words, 11); l.free(h.room.taken) && l.free(h.room.lines) && l.within(h.area) {
			h.word("budgetword", "start", at, words, 11)
			return
		}
	}
}

// threshold draws where the divergence crosses the budget, with its interval.
func (h *hero) threshold() {
	f := &h.m.Fidelity
	if !f.Located || !(f.Budget >= h.y.Min && f.Budget <= h.y.Max) {
		return
	}
	place := func(bits float64) float64 { return h.x.at(h.x.inside(h.m.bytesAt(bits))) }
	x := place(f.BPW)
	if math.IsNaN(x) {
		return
	}
	words := fmt.Sprintf("threshold %.2f bits per weight", f.BPW)
	h.d.group("threshold", words+after(", interval ", bounds(f.Low, f.High)))
	if f.Low > 0 && f.High > f.Low {
		h.d.rect("band", box{place(f.Low), h.y.at(f.Budget), place(f.High), h.area.bottom})
	}
	h.d.line("budget", point{x, h.area.bottom}, point{x, h.y.at(f.Budget)})
	h.d.diamond(point{x, h.y.at(f.Budget)}, 3.4)
	h.d.end()
	h.room.lines = append(h.room.lines, along(point{x, h.area.bottom}, point{x, h.y.at(f.Budget)})...)
	for y := h.area.bottom - 10; y > h.area.top+20; y -= 14 {
		for _, anchor := range []string{"start", "end"} {
			at := point{x + 8, y}
			if anchor == "end" {
				at.x = x - 8
			}
			if l := wordBox(anchor, at, words, fontSize); l.within(h.area) && l.free(h.room.taken) && l.free(h.room.lines) {
				h.word("budgetword strong", anchor, at, words, fontSize)
				return
			}
		}
	}
}
