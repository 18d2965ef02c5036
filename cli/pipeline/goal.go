package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"bitmill/eval"
	"bitmill/eval/gate"
	"bitmill/eval/paired"
	"bitmill/eval/report"
	"bitmill/eval/score"
	"bitmill/eval/sequential"
	"bitmill/eval/threshold"
)

// Goal says when enough windows are scored. The zero value: when all are.
type Goal struct {
	// Precision is the half width of the interval of the divergence, as a share of it, that every artifact must reach.
	Precision float64
	// Decided asks that the verdicts be certain: of the budget's rules, on the fidelity budget, and on which of two
	// artifacts next to each other in size diverges less.
	Decided bool
}

// DefaultGoal is that of run.
var DefaultGoal = Goal{Precision: 0.05}

// ParseGoal reads "5%", or "decided".
func ParseGoal(text string) (Goal, error) {
	if text == "decided" {
		return Goal{Decided: true}, nil
	}
	number, ok := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(x > 0 && x <= 100) {
		return Goal{}, UsageError{fmt.Errorf("--until %q: give a percentage such as 5%%, or decided", text)}
	}
	return Goal{Precision: x / 100}, nil
}

// String is what ParseGoal reads; "" of the zero value.
func (g Goal) String() string {
	switch {
	case g.Decided:
		return "decided"
	case g.Precision > 0:
		return strconv.FormatFloat(100*g.Precision, 'g', 6, 64) + "%"
	}
	return ""
}

// Words say what is evaluated, for the first line of a run over so many windows (0: not known); "" for all.
func (g Goal) Words(windows int) string {
	of := "the windows"
	if windows > 0 {
		of = fmt.Sprintf("%d windows", windows)
	}
	switch {
	case g == Goal{}:
		return ""
	case windows > 0 && windows <= g.least():
		return "evaluates all of " + of
	case g.Decided:
		return fmt.Sprintf("evaluates at least %d of %s, until every verdict is certain (95 %%); --windows all takes all",
			g.least(), of)
	}
	return fmt.Sprintf("evaluates at least %d of %s, until every divergence is known to ±%s (95 %%); --windows all takes all",
		g.least(), of, g)
}

// leastPrecise is how many windows are scored at least where figures are wanted, not verdicts.
const leastPrecise = 16

// least is how many windows are scored at least.
func (g Goal) least() int {
	if g.Decided {
		return sequential.Least
	}
	return leastPrecise
}

// likelyWindows are about how many windows it takes for the default precision, or for verdicts, where the text has many.
const likelyWindows = 48

// likely is about how many windows of a text will be scored.
func (g Goal) likely(windows int) int {
	switch n := float64(windows); {
	case g.Precision > 0:
		wanted := likelyWindows * math.Pow(DefaultGoal.Precision/g.Precision, 2)
		return int(math.Min(n, math.Max(leastPrecise, wanted*n/(wanted+n)*1.2)))
	case g.Decided:
		return min(windows, leastPrecise)
	}
	return windows
}

// orderSeed is that of the order in which windows are taken.
const orderSeed = 1

// sampleFloor is the divergence in nats below which no precision is asked for: it is that of rounding.
const sampleFloor = 1e-6

// End makes the evaluation end when the goal is reached. d and the artifacts, one for each candidate behind the
// reference, count when verdicts are to be certain.
func (v *Evaluation) End(g Goal, d gate.Decision, artifacts []gate.Subject) {
	if g == (Goal{}) {
		return
	}
	v.Order = eval.Order(v.Windows, orderSeed)
	d.Population = len(v.Windows)
	var bytes []int
	if v.Bytes != nil {
		for _, w := range v.Order {
			bytes = append(bytes, v.Bytes[w])
		}
	}
	round := Round(v.Windows)
	first := (g.least() + round - 1) / round * round
	v.Until = func(scored [][]score.Window) []Demand {
		demands := make([]Demand, len(scored))
		if len(scored[len(scored)-1]) == 0 {
			for i := range demands {
				demands[i].Now = first
			}
			return demands
		}
		if len(artifacts) == 0 && g.Decided { // nothing to decide on
			return DefaultGoal.precise(scored, round, len(v.Windows))
		}
		if !g.Decided {
			return g.precise(scored, round, len(v.Windows))
		}
		for i := range artifacts {
			artifacts[i].Windows, artifacts[i].Bytes = scored[i+1], bytes
		}
		d.Reference = scored[0]
		for i, need := range d.Needs(artifacts, round) {
			demands[i+1] = Demand{need.Next, need.Likely, need.For}
		}
		return demands
	}
}

// precise asks for another round of what is not known precisely enough.
func (g Goal) precise(scored [][]score.Window, round, population int) []Demand {
	o := sequential.Options{Population: population}
	alone := len(scored) == 1
	enough := func(s sequential.Sample) bool {
		if alone { // a precision of the loss is one of the perplexity
			return s.Reach(o) <= g.Precision
		}
		return s.Reach(o) <= g.Precision*math.Max(s.Mean, sampleFloor)
	}
	demands := make([]Demand, len(scored))
	for i, s := range scored {
		sample := sequential.Of(means(s, alone))
		demands[i].Now = len(s)
		if !enough(sample) {
			demands[i] = Demand{Now: len(s) + round, Likely: sample.Until(o, enough)}
		}
	}
	return demands
}

// means are the divergence by window, or the loss of a model without a reference.
func means(windows []score.Window, alone bool) []float64 {
	out := make([]float64, len(windows))
	for i, w := range windows {
		out[i] = w.KLD / float64(max(w.Tokens, 1))
		if alone {
			out[i] = w.NLL / float64(max(w.Tokens, 1))
		}
	}
	return out
}

// exactly asks for so many windows of every candidate.
func exactly(counts ...int) Until {
	return func([][]score.Window) []Demand {
		demands := make([]Demand, len(counts))
		for i, n := range counts {
			demands[i].Now = n
		}
		return demands
	}
}

// order is the order in which the evaluation text's windows are taken; nil: as they stand.
func (j *job) order() []int {
	if j.o.Until == (Goal{}) {
		return nil
	}
	return eval.Order(j.windows, orderSeed)
}

// fit are the options of the thresholds.
func (j *job) fit() threshold.Options {
	return threshold.Options{Budget: j.o.KLDBudget, Options: paired.Options{Looks: j.o.Until != (Goal{})}}
}

// end makes the evaluation of the artifacts of some rows end when the goal is reached.
func (j *job) end(v *Evaluation, m *report.Model, rows []*report.Row) error {
	d := gate.Decision{Options: gate.Options{Strict: j.o.Strict}, Fidelity: j.o.KLDBudget, Models: len(j.o.Models)}
	if j.o.Budget != "" && j.o.Until.Decided {
		var err error
		if d.Rules, err = ReadBudget(j.o.Budget); err != nil {
			return err
		}
	}
	var artifacts []gate.Subject
	for _, r := range rows {
		artifacts = append(artifacts, gate.Subject{Model: m.Name, Format: r.Format, Bits: r.PayloadBits})
	}
	v.End(j.o.Until, d, artifacts)
	return nil
}

// spent says, where verdicts had to be certain, how many windows of the text the rows of a model took, and what for.
func (g Goal) spent(model string, rows []*report.Row, windows int) string {
	if !g.Decided || len(rows) == 0 || windows <= g.least() {
		return ""
	}
	count := func(r *report.Row) int { return len(r.WindowKLD) }
	least := slices.MinFunc(rows, func(a, b *report.Row) int { return count(a) - count(b) })
	most := slices.MaxFunc(rows, func(a, b *report.Row) int { return count(a) - count(b) })
	switch {
	case count(least) == windows:
		return fmt.Sprintf("%s: the verdicts took all %d windows", model, windows)
	case count(most) == windows:
		return fmt.Sprintf("%s: some verdicts took all %d windows; %s took %d", model, windows, least.Format, count(least))
	case count(least) == count(most):
		return fmt.Sprintf("%s: every verdict is certain after %d of %d windows", model, count(most), windows)
	}
	words := fmt.Sprintf("%s: every verdict is certain after %d to %d of %d windows; %s took most", model, count(least),
		count(most), windows, most.Format)
	if verdict := most.Sample.For; verdict != "" {
		words += fmt.Sprintf(", for %q", verdict)
	}
	return words
}

// SampleOf describes figures of a part of the text, which a verdict asked for ("": none did); nil when they are of the
// whole.
func SampleOf(x score.Text, windows int, verdict string) *report.Sample {
	n := len(x.WindowKLD)
	if n == 0 || n >= windows {
		return nil
	}
	o := sequential.Options{Level: 0.95, Population: windows}
	low, high := sequential.Of(x.WindowKLD).Interval(o)
	return &report.Sample{Windows: n, Of: windows, Low: low, High: high, Level: o.Level,
		Kind: "mean over the whole text, valid at any look", For: verdict}
}
