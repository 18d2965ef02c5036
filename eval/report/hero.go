package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"

	"bitmill/eval/threshold"
)

// drawnKLD is the smallest divergence that a chart shows: what is nearer to the source is the same model in other words.
const drawnKLD = 1e-7

// hero is the chart of a model's answer: divergence against file size, the files on the frontier joined, the one to
// deploy ringed, the shades those of the grades.
type hero struct {
	m     *Model
	tall  bool // for narrow screens
	d     drawing
	x, y  axis
	area  box
	files []heroFile // largest first
	room  room
}

// heroFile is one file, or probe, of the chart.
type heroFile struct {
	row       *Row
	at        point
	reference point // as the encoders make it; zero when not known
	front     bool  // on the lower envelope that the thresholds are fitted to
	probe     bool
}

// heroChart draws the chart, also in a form for narrow screens; "" when nothing was compared.
func heroChart(m *Model, tall bool) template.HTML {
	h := &hero{m: m, tall: tall, d: drawing{width: 800, height: 440}}
	if tall {
		h.d.width, h.d.height = 380, 500
	}
	if h.pick(); len(h.files) > 16 {
		h.d.height += 90
	}
	h.area = box{54, 50, h.d.width - 10, h.d.height - 46}
	if len(h.files) == 0 {
		return ""
	}
	h.room = room{area: box{h.area.left, h.area.top, h.d.width, h.area.bottom}}
	h.scales()
	h.zones()
	h.axes()
	h.curves()
	h.marks()
	h.budget()
	h.threshold()
	h.names()
	h.tips()
	class := "hero wide"
	if tall {
		class = "hero tall"
	}
	return h.d.html(class, "KL divergence of "+m.Name+" from its source against file size")
}

func drawable(r *Row) bool {
	return r.Compared() && plausible(r.KLD, drawnKLD, 1e6) && plausible(float64(r.FileBytes), 1, 1e16)
}

// pick chooses what is drawn, and what is on the frontier.
func (h *hero) pick() {
	for _, r := range h.m.sorted() {
		if drawable(r) {
			h.files = append(h.files, heroFile{row: r})
		}
	}
	if len(h.files) == 0 {
		return
	}
	for i := range h.m.Probes {
		if r := &h.m.Probes[i]; drawable(r) {
			h.files = append(h.files, heroFile{row: r, probe: true})
		}
	}
	slices.SortStableFunc(h.files, func(a, b heroFile) int {
		return cmp.Or(cmp.Compare(b.row.FileBytes, a.row.FileBytes), cmp.Compare(a.row.KLD, b.row.KLD))
	})
	envelope := threshold.Envelope(h.m.Points(), h.m.Fidelity.Budget)
	for i := range h.files {
		h.files[i].front = slices.ContainsFunc(envelope, func(p threshold.Point) bool { return p.Format == h.files[i].row.Format })
	}
}

// scales fits the axes, and places the files.
func (h *hero) scales() {
	h.x, h.y = logAxis(h.area.left, h.area.right), logAxis(h.area.bottom, h.area.top)
	for _, f := range h.files {
		h.x.include(float64(f.row.FileBytes))
		h.y.include(f.row.KLD)
		if e := f.row.Reference; e != nil && plausible(e.KLD, drawnKLD, 1e6) {
			h.y.include(e.KLD)
		}
	}
	if b := h.m.Fidelity.Budget; plausible(b, h.y.Min/30, h.y.Max*10) {
		h.y.include(b)
	}
	pad(&h.x.Axis, .06, .06)
	pad(&h.y.Axis, .06, .1)
	for i := range h.files {
		f := &h.files[i]
		f.at = point{h.x.at(float64(f.row.FileBytes)), h.y.at(f.row.KLD)}
		if e := f.row.Reference; e != nil && plausible(e.KLD, drawnKLD, 1e6) {
			f.reference = point{f.at.x, h.y.at(e.KLD)}
		}
	}
}

// zones shades the grades.
func (h *hero) zones() {
	top := h.y.Min
	for g := Lossless; g <= Poor; g++ {
		low := top
		if top = h.y.Max; g < Poor {
			top = gradeRules[g-1].kld
		}
		b := box{h.area.left, h.y.at(h.y.inside(top)), h.area.right, h.y.at(h.y.inside(low))}
		if b.bottom-b.top < 1 {
			continue
		}
		h.d.group("", "KLD of grade "+g.String())
		h.d.rect(fmt.Sprintf("zone zone%d", g), b)
		h.d.end()
		if b.bottom-b.top > 17 {
			h.word(fmt.Sprintf("zoneword gradeword%d", g), "end", point{b.right - 7, b.top + 14}, g.String(), 11)
		}
	}
}

// word writes a text and keeps its room.
func (h *hero) word(class, anchor string, at point, s string, size float64) {
	h.d.text(class, anchor, at, s)
	h.room.taken = append(h.room.taken, wordBox(anchor, at, s, size))
}

func wordBox(anchor string, at point, s string, size float64) box {
	w := textWidth(s, size)
	left := at.x - w*map[string]float64{"middle": .5, "end": 1}[anchor]
	return box{left, at.y - size*(lineHeight-descent), left + w, at.y + size*descent}
}

// axes draws file sizes below, bits per weight above, and divergences on the left.
func (h *hero) axes() {
	for _, t := range logTicks(number)(h.y.Min, h.y.Max) {
		y := h.y.at(t.Value)
		h.d.line("grid", point{h.area.left, y}, point{h.area.right, y})
		h.d.text("tick", "end", point{h.area.left - 7, y + 4}, t.Label)
	}
	last := math.Inf(-1)
	for _, t := range logTicks(roundSize)(h.x.Min, h.x.Max) {
		x := h.x.at(t.Value)
		h.d.line("grid", point{x, h.area.bottom}, point{x, h.area.bottom + 4})
		if half := textWidth(t.Label, fontSize) / 2; x-half > last && x+half < h.d.width {
			h.d.text("tick", "middle", point{x, h.area.bottom + 18}, t.Label)
			last = x + half + 6
		}
	}
	last = math.Inf(-1)
	for _, bits := range []float64{1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 10, 12, 16, 24, 32} {
		v := h.m.bytesAt(bits)
		if !(v >= h.x.Min && v <= h.x.Max) {
			continue
		}
		x := h.x.at(v)
		if half := textWidth(number(bits), fontSize) / 2; x-half > last {
			h.d.line("grid", point{x, h.area.top - 4}, point{x, h.area.top})
			h.d.text("tick", "middle", point{x, h.area.top - 9}, number(bits))
			last = x + half + 8
		}
	}
	h.d.rect("frame", h.area)
	h.d.text("axis", "start", point{0, 12}, "KLD, nats per token (lower is better)")
	h.d.text("axis", "end", point{h.area.right, 24}, "bits per weight")
	h.d.text("axis", "end", point{h.area.right, h.d.height - 8}, "file size (smaller is better)")
}

// bytesAt is the size of a file of so many bits per weight: its data and what the files have beside them.
func (m *Model) bytesAt(bits float64) float64 {
	var beside []int64
	weights := int64(0)
	for i := range m.Artifacts {
		r := &m.Artifacts[i]
		if r.Weights > 0 && r.PayloadBits > 0 {
			weights = r.Weights
			beside = append(beside, r.FileBytes-r.PayloadBits/8)
		}
	}
	if weights == 0 {
		return math.NaN()
	}
	slices.Sort(beside)
	return bits*float64(weights)/8 + float64(beside[len(beside)/2])
}
