package report

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// tips are shown when a mark is pointed at or reached by keys. They come last, so that nothing covers them.
func (h *hero) tips() {
	for _, f := range h.files {
		lines := h.m.pointLines(f.row, f.probe)
		width := 0.0
		for _, s := range lines {
			width = max(width, textWidth(s, 12))
		}
		width = min(1.05*width+18, h.d.width-4)
		high := 15*float64(len(lines)) + 12
		at := point{f.at.x + 14, f.at.y - high/2}
		if at.x+width > h.d.width-2 {
			at.x = f.at.x - 14 - width
		}
		at.x = min(max(at.x, 2), h.d.width-2-width)
		at.y = min(max(at.y, 2), h.d.height-2-high)
		h.d.add(`<g class="spot" tabindex="0" role="img" aria-label="%s">`, attribute(strings.Join(lines, ", ")))
		h.d.circle("hit", f.at, 11)
		h.d.add(`<g class="tip" aria-hidden="true">`)
		h.d.rect("tipback", box{at.x, at.y, at.x + width, at.y + high})
		for i, s := range lines {
			class := "tipline"
			if i == 0 {
				class = "tipline strong"
			}
			h.d.text(class, "start", point{at.x + 9, at.y + 17 + 15*float64(i)}, s)
		}
		h.d.end()
		h.d.end()
	}
}

// referenceKind says how the encoders' divergence is known.
func (m *Model) referenceKind() string {
	for i := range m.Artifacts {
		if e := m.Artifacts[i].Reference; e != nil {
			if e.Windows > 0 {
				return fmt.Sprintf(" (estimated from %s)", formats.Several(e.Windows, "window"))
			}
			return " (measured)"
		}
	}
	return ""
}

func (m *Model) referenceTitle(r *Row) string {
	about := ""
	if r.Reference.Windows > 0 {
		about = "about "
	}
	return fmt.Sprintf("%s as llama-quantize makes it: KLD %s%s", r.Format, about, divergence(r.Reference.KLD))
}

// divergence is a KLD for people, to three digits.
func divergence(x float64) string {
	return kld(x, 0)
}

// pointLines describe a mark.
func (m *Model) pointLines(r *Row, probe bool) []string {
	first := r.Format
	if probe {
		first = "mix of " + r.Format + ", made to find the threshold"
	}
	out := []string{first, size(r.FileBytes) + after(", ", m.smallerBy(r)),
		fmt.Sprintf("%s bits per weight", short(r.PayloadBits, r.Weights)),
		fmt.Sprintf("KLD %s: %s", divergence(r.KLD), r.Grade())}
	if finite(r.SameTop) {
		out = append(out, "same next token "+percent(r.SameTop))
	}
	if finite(r.LnRatio) {
		out = append(out, "perplexity "+change(r))
	}
	if e := r.Reference; e != nil && plausible(r.KLD/e.KLD, 1e-6, 1e6) {
		out = append(out, fmt.Sprintf("%.0f %% of llama-quantize’s KLD", 100*r.KLD/e.KLD))
	}
	for i := range out {
		out[i] = clean(out[i])
	}
	return out
}
