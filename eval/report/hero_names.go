package report

import (
	"cmp"
	"slices"
)

// names writes the formats beside their marks: first those that the decision names, then the frontier, then the others
// where there is room.
func (h *hero) names() {
	d := h.m.decide()
	rank := func(f *heroFile) int {
		switch {
		case f.row == d.Deploy:
			return 0
		case f.row == d.Smaller, f.row == d.Safer:
			return 1
		case f.front:
			return 2
		}
		return 3
	}
	h.curveNames()
	var all []*heroFile
	for i := range h.files {
		if !h.files[i].probe {
			all = append(all, &h.files[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *heroFile) int { return cmp.Compare(rank(a), rank(b)) })
	for _, f := range all {
		size, class, r, reach := 12.0, "name", 5.0, 200.0
		switch rank(f) {
		case 0:
			size, class, r = 14, "name chosenname", 10
		case 3:
			size, class, reach = 10.5, "name faintname", 34
		}
		if h.tall && rank(f) > 0 {
			size, class = 10.5, class+" small"
		}
		s := shorten(clean(f.row.Format), 24)
		width := textWidth(s, size)
		if rank(f) == 0 {
			width *= 1.08 // bold
		}
		if l, ok := h.room.place(f.at, width, size*lineHeight, r, reach); ok {
			h.d.label(class, l, s)
		}
	}
}

// curveNames names the lines where there are two, each beside one of its steps.
func (h *hero) curveNames() {
	var front, reference []point
	method := ""
	for _, f := range slices.Backward(h.files) { // from the smallest, where the lines are high
		if f.front && !f.probe {
			front, method = append(front, f.at), f.row.Method
		}
		if f.reference != (point{}) {
			reference = append(reference, f.reference)
		}
	}
	if len(reference) < 2 {
		return
	}
	words := "as llama-quantize makes them"
	if !h.tall {
		words += h.m.referenceKind()
	}
	h.beside(reference, "name refname", "start", words)
	h.beside(front, "name frontname", "end", clean("bitmill, method "+cmp.Or(method, "reference")))
}

// beside writes a name above the first step of a line that leaves room (start), or below it (end).
func (h *hero) beside(line []point, class, anchor, words string) {
	for i := 1; i < len(line); i++ {
		for _, t := range []float64{.5, .25, .75} {
			a, b := line[i-1], line[i]
			at := point{a.x + t*(b.x-a.x) + 7, a.y + t*(b.y-a.y) - 4}
			if anchor == "end" {
				at.x, at.y = at.x-15, at.y+16
			}
			if l := wordBox(anchor, at, words, 11); l.within(h.area) && l.free(h.room.taken) && l.free(h.room.lines) {
				h.word(class, anchor, at, words, 11)
				return
			}
		}
	}
}
