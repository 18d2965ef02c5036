package threshold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bitmill/eval/paired"
)

// conclude reads the comparisons.
func (e *Economy) conclude() {
	var cs []Comparison
	for _, c := range e.Comparisons {
		if c.Rival != "" {
			cs = append(cs, c)
		}
	}
	if len(cs) == 0 {
		e.Evidence = fmt.Sprintf("The economy of %s is not located, as the sizes do not overlap: "+
			"its every artifact is smaller than every file of %s.", e.Larger, strings.Join(e.Smaller, ", "))
		return
	}
	e.bounds(cs)
	win := slices.IndexFunc(cs, func(c Comparison) bool { return c.Mean < 0 })
	switch win {
	case -1:
		e.Status = NeverWins
		best := slices.MinFunc(cs, func(a, b Comparison) int { return cmp.Compare(a.Mean, b.Mean) })
		e.Evidence = fmt.Sprintf("%s wins at no format tried; it loses least %s.", e.Larger, best.words())
	case 0:
		e.Status = Below
		e.Evidence = fmt.Sprintf("The economy threshold lies below the lowest format tried: %s still wins %s.",
			e.Larger, cs[0].words())
	default:
		w, l := cs[win], cs[win-1]
		e.Status, e.Located = Located, true
		e.BPW = paired.Round(l.BPW + float64((w.BPW-l.BPW)*(l.Mean/(l.Mean-w.Mean))))
		e.Evidence = fmt.Sprintf("%s still wins %s, and loses %s.", e.Larger, w.words(), l.words())
	}
	e.Evidence += remarks(cs, win)
}

// bounds sets Low and High. Testing in a fixed order and stopping at the first doubt keeps the chance of one false
// verdict in the whole sequence at 1-level. Dominated artifacts do not break the run of wins: nobody need choose them.
func (e *Economy) bounds(cs []Comparison) {
	for _, c := range slices.Backward(cs) {
		if c.dominated && c.Verdict != Wins {
			continue
		}
		if c.Verdict != Wins {
			break
		}
		e.High = c.BPW
	}
	for _, c := range cs {
		if c.Verdict != Loses {
			break
		}
		e.Low = c.BPW
	}
	if e.Low >= e.High && e.High > 0 {
		e.Low = 0
	}
}

// words describes a comparison: format, difference, rival, interval.
func (c Comparison) words() string {
	d, preposition := c.Difference, "to"
	if d.Mean < 0 {
		d, preposition = paired.Difference{Mean: -d.Mean, Low: -d.High, High: -d.Low}, "over"
	}
	doubt := ""
	if d.Low <= 0 {
		doubt = ", within the error"
	}
	return fmt.Sprintf("at %s (%.2f BPW) by %.4f nats per token %s %s (interval %.4f to %.4f%s)",
		c.Format, c.BPW, d.Mean, preposition, c.Rival, d.Low, d.High, doubt)
}

// remarks are sentences about losses above the lowest win and about sizes that do not overlap.
func remarks(cs []Comparison, win int) string {
	var out string
	if win >= 0 {
		var odd []string
		for _, c := range cs[win:] {
			if c.Mean >= 0 {
				odd = append(odd, fmt.Sprintf("%s (%.2f BPW)", c.Format, c.BPW))
			}
		}
		if len(odd) > 0 {
			out += " Bits alone do not decide: it loses at " + strings.Join(odd, ", ") + "."
		}
	}
	beyond := 0
	for _, c := range cs {
		if c.Beyond {
			beyond++
		}
	}
	if beyond == len(cs) {
		out += " The sizes do not overlap: every artifact is larger than every useful file of the smaller model, " +
			"whose best file stands in."
	}
	return out
}
