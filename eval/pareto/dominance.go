package pareto

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bitmill/eval/paired"
)

// Rank sorts the candidates by size and marks those that are dominated: those beyond the Pareto frontier of size and
// quality (the maxima of Kung, Luccio and Preparata 1975) by more than the error of the measurement. It fails without
// candidates and when they were scored on different texts.
//
// A file is dominated when one that is no larger is better beyond the paired error, corrected by Holm over all files
// of the ranking. Among files of one model better means a lower KLD from the source that they share: their losses
// differ by less than chance long before their divergences do. Files of different models compare by their losses. A
// file is dominated, too, by a smaller one of its model with the very same predictions.
func Rank(all []Candidate, o paired.Options) error {
	if len(all) == 0 {
		return fmt.Errorf("no artifact in the reports has a measured loss")
	}
	for _, c := range all {
		if c.Text != all[0].Text {
			return fmt.Errorf("%s and %s were scored on different texts: run both on the same", all[0].Model, c.Model)
		}
	}
	slices.SortStableFunc(all, func(a, b Candidate) int { return cmp.Compare(a.FileBytes, b.FileBytes) })
	var made []comparison
	for i := range all {
		all[i].Dominated = ""
		made = append(made, comparisonsOf(&all[i], all)...)
	}
	o = o.For(len(made))
	p := make([]float64, len(made))
	for i := range made {
		p[i] = made[i].chance(o)
	}
	for i, corrected := range paired.Holm(p) {
		if d := &made[i]; d.file.Dominated == "" && (d.same || corrected < 1-o.Level) {
			d.file.Dominated = d.rival.Model + " " + d.rival.Format
		}
	}
	return nil
}

// comparison holds a file against the best one that is no larger.
type comparison struct {
	file, rival *Candidate
	same        bool // the rival is smaller and predicts the same
}

// comparisonsOf finds the rivals of a file: the best of its own model, then the best of other models.
func comparisonsOf(c *Candidate, all []Candidate) (out []comparison) {
	var own, other, same *Candidate
	for i := range all {
		r := &all[i]
		if r == c || r.FileBytes > c.FileBytes {
			continue
		}
		switch sibling := r.sibling(c); {
		case sibling && r.Source: // what it was made from is no alternative to it
		case sibling && r.FileBytes < c.FileBytes && r.predictsAs(c):
			same = r
		case sibling && c.compared() && r.compared():
			own = better(own, r, (*Candidate).divergence)
		default:
			other = better(other, r, (*Candidate).loss)
		}
	}
	for _, r := range []*Candidate{own, other} {
		if r != nil {
			out = append(out, comparison{file: c, rival: r})
		}
	}
	if same != nil {
		out = append(out, comparison{c, same, true})
	}
	return out
}

// better is the one of lower quantity; a may be nil.
func better(a, b *Candidate, quantity func(*Candidate) paired.Estimate) *Candidate {
	if a == nil || quantity(b).Value < quantity(a).Value {
		return b
	}
	return a
}

// chance is the p-value of the file being worse than its rival; 1 when it is not, or when no error is known; NaN when
// there is nothing to test.
func (d *comparison) chance(o paired.Options) float64 {
	if d.same {
		return math.NaN()
	}
	quantity := (*Candidate).loss
	if d.file.sibling(d.rival) && d.file.compared() && d.rival.compared() {
		quantity = (*Candidate).divergence
	}
	file, rival := quantity(d.file), quantity(d.rival)
	if d.file.Vocabulary != d.rival.Vocabulary {
		rival.Series = nil // its windows hold other parts of the text
	}
	if paired.Round(file.Value-rival.Value) <= 0 {
		return 1
	}
	t, ok := file.Against(rival, o)
	if !ok || t.Mean <= 0 {
		return 1
	}
	return t.P
}

// compared reports whether the divergence from the source is known.
func (c *Candidate) compared() bool { return c.Source || !math.IsNaN(c.KLD) }

// predictsAs reports whether two files of a model give the same predictions.
func (c *Candidate) predictsAs(r *Candidate) bool {
	return c.compared() && c.KLD == r.KLD && c.Loss == r.Loss && slices.Equal(c.Series, r.Series) && slices.Equal(c.Windows, r.Windows)
}

func (c *Candidate) divergence() paired.Estimate {
	e := paired.Estimate{Value: c.KLD, SE: c.KLDSE, Series: c.KLDSeries, Items: c.Windows}
	if c.Source { // it does not diverge from itself, on any window
		e = paired.Estimate{Series: make([]float64, len(c.Series)), Items: c.Windows}
	}
	return e
}

func (c *Candidate) loss() paired.Estimate {
	return paired.Estimate{Value: c.Loss, SE: c.LossSE, Series: c.Series, Items: c.Windows}
}
