package threshold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bitmill/eval/paired"
)

// conclude reads the comparisons. What nobody need choose decides nothing, unless there is nothing else.
func (e *Economy) conclude() {
	var all, cs []Comparison
	for _, c := range e.Comparisons {
		if c.Rival != "" {
			all = append(all, c)
			if !c.useless {
				cs = append(cs, c)
			}
		}
	}
	if len(all) == 0 {
		e.Evidence = fmt.Sprintf("The economy of %s is not located, as the sizes do not overlap: "+
			"its every artifact is smaller than every file of %s.", e.Larger, strings.Join(e.Smaller, ", "))
		return
	}
	if len(cs) == 0 {
		cs = all
	}
	e.bounds(cs)
	win := slices.IndexFunc(cs, func(c Comparison) bool { return c.Mean < 0 })
	switch {
	case cs[0].Verdict == Wins:
		e.Status = Below
		e.Evidence = fmt.Sprintf("The economy threshold lies below the lowest format tried: %s still wins %s.",
			e.Larger, cs[0].words())
	case !slices.ContainsFunc(cs, func(c Comparison) bool { return c.Verdict != Loses }):
		e.Status = NeverWins
		e.Evidence = fmt.Sprintf("%s wins at no format tried; it loses least %s.", e.Larger, nearest(cs).words())
	case e.Low > 0 && e.High > 0:
		w, l := cs[win], cs[win-1]
		e.Status, e.Located = Located, true
		e.BPW = paired.Round(l.BPW + float64((w.BPW-l.BPW)*(l.Mean/(l.Mean-w.Mean))))
		e.Evidence = fmt.Sprintf("%s still wins %s, and loses %s.", e.Larger, w.words(), l.words())
	default:
		e.doubt(cs, win)
	}
	e.Evidence += remarks(all, cs, win)
}

// nearest is the comparison that goes best for the larger model.
func nearest(cs []Comparison) Comparison {
	return slices.MinFunc(cs, func(a, b Comparison) int { return cmp.Compare(a.Mean, b.Mean) })
}

// doubt words a threshold that the error hides: nothing surely wins, or nothing below what does surely loses. win is
// the first comparison that the larger model wins, -1 when it wins none.
func (e *Economy) doubt(cs []Comparison, win int) {
	var found string
	switch win {
	case -1:
		found = "loses least " + nearest(cs).words()
	case 0:
		found = "wins " + cs[0].words()
	default:
		found = "wins " + cs[win].words() + ", and loses " + cs[win-1].words()
	}
	e.Evidence = fmt.Sprintf("The economy of %s is not located within the error: it %s.", e.Larger, found)
	if e.High > 0 {
		e.Evidence += fmt.Sprintf(" From %.2f BPW up it surely wins.", e.High)
	}
	if e.Low > 0 {
		e.Evidence += fmt.Sprintf(" Up to %.2f BPW it surely loses.", e.Low)
	}
}

// bounds sets Low and High. Testing in a fixed order and stopping at the first doubt keeps the chance of one false
// verdict in the whole sequence at 1-level.
func (e *Economy) bounds(cs []Comparison) {
	for _, c := range slices.Backward(cs) {
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
func remarks(all, cs []Comparison, win int) string {
	var out string
	if win >= 0 {
		var odd []string
		for _, c := range all {
			if c.BPW > cs[win].BPW && c.Mean >= 0 {
				odd = append(odd, fmt.Sprintf("%s (%.2f BPW)", c.Format, c.BPW))
			}
		}
		if len(odd) > 0 {
			out += " Bits alone do not decide: it loses at " + strings.Join(odd, ", ") + "."
		}
	}
	beyond := 0
	for _, c := range all {
		if c.Beyond {
			beyond++
		}
	}
	if beyond == len(all) {
		out += " The sizes do not overlap: every artifact is larger than every useful file of the smaller model, " +
			"whose best file stands in."
	}
	return out
}
