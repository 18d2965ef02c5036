package threshold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
)

// Subject is one model of a family with all its measured files, the source among them.
type Subject struct {
	Name, Family string
	Parameters   int64
	Vocabulary   string // identifies the vocabulary (its hash); NLL per token compares only where it is equal
	Text         string // identifies the text and how it was cut into windows
	Points       []Point
}

// Economy is the lowest number of bits per weight at which a model is still a better use of its bytes than the smaller
// ones of its family.
type Economy struct {
	Family  string   `json:"family"`
	Larger  string   `json:"larger"`
	Smaller []string `json:"smaller"` // the models whose files were the rivals, by size
	Located bool     `json:"located"`
	Status  string   `json:"status"` // Located, Below, NeverWins or NotLocated

	// High is the lowest artifact that surely wins, counted down from the best without a break, Low the highest that
	// surely loses, counted up from the lowest; 0 (omitted) where there is none. BPW is where the difference, drawn
	// straight between the lowest artifact that wins and the one below it, is zero. It lies between Low and High, and is
	// 0 (omitted) unless both are there.
	BPW   float64 `json:"bpw,omitzero"`
	Low   float64 `json:"low,omitzero"`
	High  float64 `json:"high,omitzero"`
	Level float64 `json:"level"`

	Comparisons []Comparison `json:"comparisons"` // ascending BPW
	Evidence    string       `json:"evidence"`    // whole sentences
	Method      string       `json:"method"`      // how the intervals were made, whole sentences
	Seed        uint64       `json:"seed"`
	Resamples   int          `json:"resamples"` // 0 when the intervals are not from a bootstrap
}

// Comparison holds one artifact of the larger model against the smaller ones at the same number of bytes.
type Comparison struct {
	Format    string  `json:"format"`
	BPW       float64 `json:"bpw"`
	FileBytes int64   `json:"file_bytes"`
	Rival     string  `json:"rival"`  // the file or the two files that the smaller models offer there
	Beyond    bool    `json:"beyond"` // no rival file is as large: the best one stands in, at fewer bytes
	paired.Difference
	Verdict string `json:"verdict"` // Wins, WinsWithinError, LosesWithinError or Loses

	useless bool // hopeless, or another artifact of the model is surely better with fewer bytes
}

// Verdicts of a Comparison. The difference is NLL(larger)-NLL(rival): negative where the larger model wins.
const (
	Wins             = "wins"
	WinsWithinError  = "wins, within the error"
	LosesWithinError = "loses, within the error"
	Loses            = "loses"
)

// FitEconomy compares, in each family of two or more models, every model but the smallest with all smaller ones. The
// results are ordered by family, then by parameters.
func FitEconomy(subjects []Subject, o Options) []Economy {
	o = o.withDefaults()
	s := slices.Clone(subjects)
	slices.SortStableFunc(s, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Parameters, b.Parameters))
	})
	var out []Economy
	for i, larger := range s {
		var smaller []Subject
		for _, r := range s[:i] {
			if r.Family == larger.Family && r.Parameters < larger.Parameters {
				smaller = append(smaller, r)
			}
		}
		if len(smaller) > 0 {
			out = append(out, fitPair(larger, smaller, o))
		}
	}
	return out
}

// fitPair compares one model with the smaller ones.
func fitPair(larger Subject, smaller []Subject, o Options) Economy {
	e := Economy{Family: larger.Family, Larger: larger.Name, Status: NotLocated, Method: "None.",
		Level: o.Level, Seed: o.Seed}
	var reasons []string
	var rivals []Subject
	for _, s := range smaller {
		if reason := incomparable(larger, s); reason != "" {
			reasons = append(reasons, reason)
			continue
		}
		rivals = append(rivals, s)
		e.Smaller = append(e.Smaller, s.Name)
	}
	own, files := measured(larger), filesOf(rivals)
	all := slices.Clone(own)
	for _, f := range files {
		all = append(all, f.Point)
	}
	all = aligned(all)
	for i := range own {
		own[i] = all[i]
	}
	for i := range files {
		files[i].Point = all[len(own)+i]
	}
	if len(rivals) > 0 && len(files) == 0 {
		reasons = append(reasons, "no smaller model has a file with a finite perplexity")
	}
	if len(own) == 0 || !slices.ContainsFunc(own, func(p Point) bool { return !p.Source }) {
		reasons = append(reasons, larger.Name+" has no artifact with a finite perplexity")
		own = nil
	}
	if len(own) == 0 || len(files) == 0 {
		e.Evidence = fmt.Sprintf("The economy of %s is not located: %s.", e.Larger, strings.Join(reasons, "; "))
		return e
	}
	byWindow, why := windows(all, func(p Point) []float64 { return p.WindowNLL })
	if byWindow {
		n := len(all[0].WindowNLL)
		e.Resamples = o.Resamples
		e.Method = "P" + o.bootstrap(n, fmt.Sprintf("at least %d", o.BlockLength(n)))
	} else {
		e.Method = "Normal intervals from the standard errors, taken as independent between models, " +
			"which overstates them, because " + why + "."
	}
	e.compare(own, files, byWindow, o)
	e.conclude()
	if len(reasons) > 0 {
		e.Evidence += " Not compared: " + strings.Join(reasons, "; ") + "."
	}
	return e
}

// incomparable says why the NLL per token of two models does not compare, "" when it does.
func incomparable(a, b Subject) string {
	switch {
	case a.Vocabulary == "" || b.Vocabulary == "":
		return fmt.Sprintf("the vocabulary of %s or %s is not known", b.Name, a.Name)
	case a.Vocabulary != b.Vocabulary:
		return fmt.Sprintf("%s and %s have different vocabularies, so their NLL per token does not compare", b.Name, a.Name)
	case a.Text != b.Text:
		return fmt.Sprintf("%s and %s were scored on different texts or chunks", b.Name, a.Name)
	}
	return ""
}

// measured are the points with a size and a finite NLL.
func measured(s Subject) []Point {
	var out []Point
	for _, p := range s.Points {
		if finite(p.LnPPL) && p.FileBytes > 0 {
			if !finite(p.LnPPLSE) {
				p.LnPPLSE = 0
			}
			out = append(out, p)
		}
	}
	return out
}

// compare fills in the comparisons, by ascending BPW. Artifacts smaller than every rival file have no rival.
func (e *Economy) compare(own []Point, files []rival, byWindow bool, o Options) {
	if byWindow {
		for i := range files {
			files[i].nll = stat.Mean(files[i].WindowNLL, nil)
		}
	}
	front := frontier(files)
	for _, p := range own {
		if p.Source {
			continue
		}
		c := Comparison{Format: p.Format, BPW: paired.Round(p.BPW()), FileBytes: p.FileBytes}
		m, ok := mixAt(front, p.FileBytes)
		if !ok {
			c.Verdict = "no rival file is that small"
			e.Comparisons = append(e.Comparisons, c)
			continue
		}
		c.Rival, c.Beyond, c.Difference = m.String(), m.beyond, m.against(p, byWindow, o).Rounded()
		c.Verdict = verdict(c.Difference)
		c.useless = p.KLD > hopeless || dominated(p, own, o)
		e.Comparisons = append(e.Comparisons, c)
	}
	slices.SortStableFunc(e.Comparisons, func(a, b Comparison) int { return cmp.Compare(a.BPW, b.BPW) })
}

// dominated reports whether the smaller artifact that diverges least surely diverges less than p does. They compare by
// their losses where a divergence is not known.
func dominated(p Point, own []Point, o Options) bool { return better(p, own, o) != nil }

// better is the smaller artifact that diverges least, if it surely diverges less than p does.
func better(p Point, own []Point, o Options) *Point {
	var best *Point
	for i := range own {
		q := &own[i]
		if !q.Source && q.FileBytes < p.FileBytes && (best == nil || q.quality(p).Value < best.quality(p).Value) {
			best = q
		}
	}
	if best == nil {
		return nil
	}
	if t, ok := p.quality(*best).Against(best.quality(p), o.Options); !ok || t.Low <= 0 {
		return nil
	}
	return best
}

// quality is the divergence of p, or its loss where p or the one that it is held against has none.
func (p Point) quality(against Point) paired.Estimate {
	if finite(p.KLD) && finite(against.KLD) {
		return paired.Estimate{Value: p.KLD, SE: p.KLDSE, Series: p.WindowKLD, Items: p.Windows}
	}
	return paired.Estimate{Value: p.LnPPL, SE: p.LnPPLSE, Series: p.WindowNLL, Items: p.Windows}
}

func verdict(d paired.Difference) string {
	switch {
	case d.High < 0:
		return Wins
	case d.Mean < 0:
		return WinsWithinError
	case d.Low <= 0:
		return LosesWithinError
	default:
		return Loses
	}
}
