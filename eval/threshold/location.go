package threshold

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bitmill/eval/locate"
	"bitmill/eval/paired"
)

// Claimed is the number of bits per weight below which, by arXiv:2505.15030, a smaller model at higher precision is
// the better choice, whatever the model.
const Claimed = 3.5

// Location is what a search for one threshold of a model came to, beside Claimed.
type Location struct {
	Threshold string `json:"threshold"` // ForFidelity or ForEconomy
	Family    string `json:"family"`
	Model     string `json:"model"`
	Located   bool   `json:"located"` // the threshold lies between two files tried
	Status    string `json:"status"`  // as Fidelity and Economy have it

	// BPW is the threshold, 0 (omitted) unless located. Low and High are its interval at Level, widened to the bracket;
	// 0 (omitted) where it is open.
	BPW   float64 `json:"bpw,omitzero"`
	Low   float64 `json:"low,omitzero"`
	High  float64 `json:"high,omitzero"`
	Level float64 `json:"level"`

	// Misses and Meets are the bracket: the largest mix below Meets that misses the condition, and the smallest file that
	// meets it; 0 (omitted) where there is none.
	Misses float64 `json:"misses,omitzero"`
	Meets  float64 `json:"meets,omitzero"`

	Claimed float64 `json:"claimed"` // Claimed
	Against string  `json:"against"` // where the interval lies: BelowClaim, AboveClaim or WithinClaim

	Monotone   bool     `json:"monotone"`   // no file is surely worse than a smaller one
	Exceptions []string `json:"exceptions"` // the files that are, clauses
	Probes     int      `json:"probes"`     // mixes that were measured for the search
	Evidence   string   `json:"evidence"`   // whole sentences
}

// The thresholds that are searched for.
const (
	ForFidelity = "fidelity"
	ForEconomy  = "economy"
)

// Values of Location.Against.
const (
	BelowClaim  = "below"
	AboveClaim  = "above"
	WithinClaim = "not told apart"
)

// LocateFidelity says where a model's fidelity threshold lies, after probes mixes have been measured for it.
func LocateFidelity(s Subject, f Fidelity, probes int, o Options) Location {
	o = o.withDefaults()
	l := Location{Threshold: ForFidelity, Family: s.Family, Model: s.Name, Located: f.Located, Status: f.Status,
		BPW: f.BPW, Low: f.Low, High: f.High, Level: f.Level, Probes: probes}
	l.bracket(locate.Of(fidelityExcess(s.Points, o)))
	l.judge(s.Points, o)
	l.words(fmt.Sprintf("The KLD of %s falls through %g nats", l.Model, f.Budget))
	return l
}

// LocateEconomy says where a model's economy threshold lies.
func LocateEconomy(s Subject, e Economy, probes int, o Options) Location {
	o = o.withDefaults()
	l := Location{Threshold: ForEconomy, Family: s.Family, Model: s.Name, Located: e.Located, Status: e.Status,
		BPW: e.BPW, Low: e.Low, High: e.High, Level: e.Level, Probes: probes}
	b := locate.Of(e.excess(s))
	if !l.Located && b.Misses != nil && b.Meets != nil { // tests leave an end open
		l.Located, l.Status = true, Located
		l.BPW = paired.Round(b.Misses.BPW + b.Width()*b.Misses.Excess/(b.Misses.Excess-b.Meets.Excess))
	}
	l.bracket(b)
	l.judge(s.Points, o)
	l.words(fmt.Sprintf("%s becomes the better use of bytes than %s", l.Model, strings.Join(e.Smaller, ", ")))
	return l
}

// bracket sets the bracket and widens the interval to it.
func (l *Location) bracket(b locate.Bracket) {
	if b.Misses != nil {
		l.Misses = paired.Round(b.Misses.BPW)
		if l.Low > 0 {
			l.Low = min(l.Low, l.Misses)
		}
	}
	if b.Meets != nil {
		l.Meets = paired.Round(b.Meets.BPW)
		l.High = max(l.High, l.Meets)
	}
}

// judge holds the interval against the claim, and looks for files that more bits made worse. The level is corrected for
// the number of files (Bonferroni).
func (l *Location) judge(points []Point, o Options) {
	l.Claimed, l.Against = Claimed, WithinClaim
	switch {
	case l.High > 0 && l.High < Claimed:
		l.Against = BelowClaim
	case l.Low > Claimed:
		l.Against = AboveClaim
	}
	own := slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return p.Source || p.FileBytes <= 0 })
	o.Level = 1 - (1-o.Level)/float64(max(len(own), 1))
	l.Exceptions = []string{}
	for _, p := range own {
		if q := better(p, own, o); q != nil {
			l.Exceptions = append(l.Exceptions, fmt.Sprintf("%s than %s", named(p), named(*q)))
		}
	}
	l.Monotone = len(l.Exceptions) == 0
}

// named is a file with its size; mixes are called by it anyway.
func named(p Point) string {
	if p.Mix {
		return p.Format
	}
	return fmt.Sprintf("%s (%.2f BPW)", p.Format, p.BPW())
}

// words sets the evidence; what happens at the threshold is a clause.
func (l *Location) words(what string) {
	claim := fmt.Sprintf("the %g BPW of arXiv:2505.15030", l.Claimed)
	switch {
	case l.Located:
		l.Evidence = fmt.Sprintf("%s at %.2f BPW%s", what, l.BPW, l.ends())
		switch l.Against {
		case WithinClaim:
			l.Evidence += ", which cannot be told from " + claim + "."
		default:
			l.Evidence += ", " + l.Against + " " + claim + "."
		}
	case l.Meets > 0:
		l.Evidence = fmt.Sprintf("%s at or below %.2f BPW, the smallest that was made.", what, l.Meets)
	default:
		l.Evidence = fmt.Sprintf("%s at no size that was made.", what)
	}
	if !l.Monotone {
		l.Evidence += " Bits alone do not decide: worse are " + strings.Join(l.Exceptions, ", ") + "."
	}
}

// ends are the interval in brackets, open where it is.
func (l *Location) ends() string {
	if l.Low > 0 && l.High > 0 && !math.IsInf(l.High, 0) {
		return fmt.Sprintf(" (%.2f to %.2f)", l.Low, l.High)
	}
	if l.High > 0 {
		return fmt.Sprintf(" (at most %.2f)", l.High)
	}
	return ""
}
