package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
	"bitmill/eval/score"
	"bitmill/eval/sequential"
)

// Decision tells while an evaluation grows which verdicts on a model are certain: what every rule says of every
// artifact, whether each is within the fidelity budget, and which of two neighbours in size diverges less. Certain is
// what the whole text would say but for a chance of 1-Level, all verdicts together (Holm), however often one looks.
type Decision struct {
	Options
	Rules      []Rule
	Fidelity   float64        // nats per token; 0: no budget
	Population int            // windows of the text
	Reference  []score.Window // the reference's own, of at least the windows that any artifact has
	Models     int            // that share the chance of an error; 0: one
}

// Subject is an artifact with its scores so far, which are those of the same windows for all artifacts, in the same
// order, as far as they go.
type Subject struct {
	Model, Format string
	Bits          int64 // of the payload
	Windows       []score.Window
	Bytes         []int // of the scored text, by window; nil: not known
}

// tie is a difference in nats that no verdict hangs on: that of rounding.
const tie = 1e-6

// claim is a mean whose sign is a verdict: positive is beyond a limit.
type claim struct {
	words  string // of the verdict, for people
	of     []int  // the subjects
	series []float64
	least  float64 // standard deviation at least
	error  bool    // a positive mean must be beyond the error too, as a rule that is broken is
	tie    float64 // means nearer to zero decide nothing
	never  bool    // no part of the text decides
}

// Need is how many windows a subject takes.
type Need struct {
	Next   int    // step more than it has while one of its verdicts is open
	Likely int    // in the end, about
	For    string // the verdict that takes most, "" when all are certain
}

// Needs returns what each subject needs.
func (d *Decision) Needs(subjects []Subject, step int) []Need {
	needs := make([]Need, len(subjects))
	for i, s := range subjects {
		needs[i] = Need{Next: len(s.Windows), Likely: len(s.Windows)}
	}
	claims := d.claims(subjects)
	p := make([]float64, len(claims))
	for i := range claims {
		p[i] = claims[i].chance(d.options())
	}
	var open []claim
	for i, corrected := range paired.Holm(p) {
		if !(corrected < d.alpha()) {
			open = append(open, claims[i])
		}
	}
	o := d.options()
	for _, c := range open {
		take := min(len(c.series)+step, d.Population)
		end := d.Population
		if !c.never {
			end = sequential.Of(c.series).Until(o, func(s sequential.Sample) bool {
				return c.chanceOf(s, o) < d.alpha()/float64(len(open))
			})
		}
		for _, i := range c.of {
			n := &needs[i]
			if n.Next = max(n.Next, take); end > n.Likely || n.For == "" {
				n.Likely, n.For = max(n.Likely, end), c.words
			}
		}
	}
	return needs
}

func (d *Decision) options() sequential.Options {
	return sequential.Options{Level: 1 - d.alpha(), Population: d.Population}
}

// alpha is the chance of an error that this model may take.
func (d *Decision) alpha() float64 {
	return (1 - d.Options.WithDefaults().Level) / float64(max(1, d.Models))
}

func (d *Decision) claims(subjects []Subject) (out []claim) {
	for _, r := range d.Rules {
		m := metricOf(r.Metric)
		for i, s := range subjects {
			if r.relative() || m.excess == nil && !m.extreme || !matches(r.Model, s.Model) || !matches(r.Format, s.Format) {
				continue
			}
			c := m.claim(r, s, d.ahead(len(s.Windows)))
			c.words, c.of, c.error = r.String(), []int{i}, m.measured() && !d.Strict
			out = append(out, c)
		}
	}
	order := make([]int, len(subjects))
	for i, s := range subjects {
		order[i] = i
		if d.Fidelity > 0 {
			out = append(out, claim{words: fmt.Sprintf("kld at most %s", exact(d.Fidelity)), of: []int{i}, tie: tie,
				series: kldLess(s.Windows, func(int) float64 { return d.Fidelity })})
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(subjects[a].Bits, subjects[b].Bits) })
	for k := 1; k < len(order); k++ {
		small, large := subjects[order[k-1]], subjects[order[k]]
		a, b := small.Windows, large.Windows
		common := min(len(a), len(b))
		out = append(out, claim{words: fmt.Sprintf("kld of %s against %s", small.Format, large.Format),
			of: []int{order[k-1], order[k]}, tie: tie, series: kldLess(a[:common], func(i int) float64 {
				return b[i].KLD / float64(max(b[i].Tokens, 1))
			})})
	}
	return out
}

// ahead is the reference's mean loss over all its windows, less that over the first n.
func (d *Decision) ahead(n int) float64 {
	var losses []float64
	for _, w := range d.Reference {
		losses = append(losses, w.NLL/float64(max(w.Tokens, 1)))
	}
	if n == 0 || n >= len(losses) {
		return 0
	}
	return stat.Mean(losses, nil) - stat.Mean(losses[:n], nil)
}

// kldLess is the mean divergence of each window less a limit.
func kldLess(windows []score.Window, limit func(i int) float64) []float64 {
	out := make([]float64, len(windows))
	for i, w := range windows {
		out[i] = w.KLD/float64(max(w.Tokens, 1)) - limit(i)
	}
	return out
}

// claim is what a rule with a bound of its own says of an artifact; a loss counts as ahead more than that of its windows.
func (m *metric) claim(r Rule, s Subject, ahead float64) claim {
	limit, sign := 0.0, 1.0
	switch {
	case r.Max != nil:
		limit = *r.Max
	case r.Min != nil:
		limit, sign = *r.Min, -1
	}
	if m.extreme { // one window beyond the limit decides, all others decide nothing
		beyond := slices.ContainsFunc(s.Windows, func(w score.Window) bool { return w.KLDMax > limit })
		return claim{series: make([]float64, len(s.Windows)), never: !beyond}
	}
	if !m.loss {
		ahead = 0
	}
	var c claim
	for i := range s.Windows {
		bytes := 0
		if s.Bytes != nil {
			bytes = s.Bytes[i]
		}
		c.series = append(c.series, sign*(m.excess(&s.Windows[i], bytes, limit)+ahead))
	}
	if m.least != nil && len(s.Windows) > 0 {
		c.least = m.least(limit) / math.Sqrt(float64(max(s.Windows[0].Tokens, 1)))
	}
	return c
}

// chance is the p-value of the claim's sign, 0 where it is certain.
func (c *claim) chance(o sequential.Options) float64 {
	if len(c.series) == 0 {
		return 1
	}
	return c.chanceOf(sequential.Of(c.series), o)
}

func (c *claim) chanceOf(s sequential.Sample, o sequential.Options) float64 {
	o.Least = c.least
	switch {
	case s.N >= o.Population:
		return 0
	case c.never:
		return 1
	case s.N < sequential.Least:
		return 1
	case math.Abs(s.Mean)+s.Reach(o) <= c.tie, s.Mean == 0 && s.SD == 0:
		return 0
	}
	if c.error && s.Mean > 0 {
		o.Population = 0
		return s.Chance(o)
	}
	return s.Wrong(o)
}
