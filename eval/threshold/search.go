package threshold

import (
	"math"
	"slices"

	"bitmill/eval/locate"
	"bitmill/eval/paired"
)

// Files are the mixes that can be made of a model, by bits per weight.
type Files struct {
	Least, Most float64
	Reach       func(bpw float64) float64 // the size of the mix for a size asked, at most as large

	// Error is what the types of the mix of a size are expected to do, Errors the same of files by their names, by a
	// measure that divergences are nearly proportional to. Both may be nil.
	Error  func(bpw float64) float64
	Errors map[string]float64
}

// expect is the damage to be expected of a mix, from that of the mixes measured. Until there is one, the ratio of damage
// to error is taken from the formats: their median, as it is odd for single ones (Q2_K). nil when nothing is known.
func (f *Files) expect(points []Point, damage func(Point) float64) func(bpw float64) float64 {
	expected := f.Error
	if expected == nil {
		expected = locate.ByBits
	}
	var mixes []locate.Sample
	var ratios []float64
	for _, p := range points {
		x := locate.Sample{BPW: p.BPW(), Damage: damage(p), Error: f.Errors[p.Format]}
		if f.Error == nil {
			x.Error = locate.ByBits(x.BPW)
		}
		switch {
		case p.Source || !(x.Damage > 0 && x.Error > 0):
		case p.Mix:
			mixes = append(mixes, x)
		default:
			ratios = append(ratios, x.Damage/x.Error)
		}
	}
	switch {
	case mixes != nil:
	case ratios != nil:
		slices.Sort(ratios)
		mixes = []locate.Sample{{Damage: ratios[(len(ratios)-1)/2], Error: 1}}
	default:
		return nil
	}
	return locate.Expect(mixes, expected)
}

// NextFidelity returns the sizes of the mixes to measure next, so that the fidelity threshold is bracketed as
// locate.Search has it; none when it is, or cannot be. The excess is ln(KLD / budget).
func NextFidelity(points []Point, f Files, o Options) []float64 {
	o = o.withDefaults()
	at := fidelityExcess(points, o)
	s := locate.Search{Least: f.Least, Most: f.Most, Reach: f.Reach, Sure: true}
	used, _ := fidelityPoints(points)
	if kld := f.expect(used, func(p Point) float64 { return p.KLD }); kld != nil {
		s.Predict = func(bpw float64) float64 { return excess(kld(bpw), o) }
	}
	return s.Next(at)
}

// fidelityExcess are the points with a divergence as the search takes them.
func fidelityExcess(points []Point, o Options) (at []locate.Point) {
	used, _ := fidelityPoints(points)
	if len(used) == 0 {
		return nil
	}
	klds, _, _ := meanKLDs(used)
	for i, p := range used {
		p.KLD = klds[i]
		low, high := p.kldInterval(o)
		at = append(at, locate.Point{BPW: p.BPW(), Excess: excess(p.KLD, o), Low: excess(low, o), High: excess(high, o),
			Fixed: !p.Mix})
	}
	return at
}

func excess(kld float64, o Options) float64 { return math.Log(max(kld, kldFloor) / o.Budget) }

// kldInterval is the interval of the mean divergence.
func (p Point) kldInterval(o Options) (low, high float64) {
	if t, err := paired.Mean(p.WindowKLD, o.Options); err == nil {
		return t.Low, t.High
	}
	reach := 0.
	if finite(p.KLDSE) {
		reach = paired.Quantile(o.Level) * p.KLDSE
	}
	return p.KLD - reach, p.KLD + reach
}

// NextEconomy is NextFidelity for the economy of the larger model against smaller ones of its family, which have all
// been measured. The excess is the loss above that of the rival with as many bytes. It asks for files that surely win
// and surely lose as well, as those are the interval.
func NextEconomy(larger Subject, smaller []Subject, f Files, o Options) []float64 {
	o = o.withDefaults()
	e := fitPair(larger, smaller, o)
	at := e.excess(larger)
	front := rivals(larger, smaller)
	if len(front) == 0 || len(e.Comparisons) == 0 {
		return nil
	}
	if c := e.Comparisons[len(e.Comparisons)-1]; c.Verdict == Loses { // not even the best
		return nil
	}
	own := measured(larger)
	weights, overhead := float64(own[0].Weights), float64(own[0].FileBytes)-float64(own[0].Bits)/8
	bytes := func(bpw float64) int64 { return int64(bpw*weights/8 + overhead) }
	s := locate.Search{Least: max(f.Least, (float64(front[0].FileBytes)-overhead)*8/weights), Most: f.Most,
		Reach: f.Reach, Sure: true}
	if s.Least >= s.Most {
		return nil
	}
	if loss := f.expectLoss(own); loss != nil {
		s.Predict = func(bpw float64) float64 {
			m, ok := mixAt(front, bytes(bpw))
			if !ok {
				return 0
			}
			return loss(bpw) - m.blend(m.under.nll, m.over.nll)
		}
	}
	return s.Next(at)
}

// rivals is the frontier of the files of the smaller models that compare.
func rivals(larger Subject, smaller []Subject) []rival {
	smaller = slices.DeleteFunc(slices.Clone(smaller), func(s Subject) bool { return incomparable(larger, s) != "" })
	return frontier(filesOf(smaller))
}

// excess are the comparisons as the search takes them. A format that nobody need choose shows nothing.
func (e *Economy) excess(larger Subject) (at []locate.Point) {
	for _, c := range e.Comparisons {
		mix := slices.ContainsFunc(larger.Points, func(p Point) bool { return p.Mix && p.Format == c.Format })
		if c.Rival != "" && (mix || !c.useless) {
			at = append(at, locate.Point{BPW: c.BPW, Excess: c.Mean, Low: c.Low, High: c.High, Fixed: !mix})
		}
	}
	return at
}

// expectLoss is the loss to be expected of a mix, nil when the source's is not known: the source's, and a damage that
// goes as the divergence does. Of formats the divergence stands for it, which it is on text of the source's own making:
// the difference of two nearly equal losses is noise.
func (f *Files) expectLoss(own []Point) func(bpw float64) float64 {
	source := slices.IndexFunc(own, func(p Point) bool { return p.Source })
	if source < 0 {
		return nil
	}
	damage := f.expect(own, func(p Point) float64 {
		if !p.Mix && finite(p.KLD) {
			return p.KLD
		}
		return p.LnPPL - own[source].LnPPL
	})
	if damage == nil {
		return nil
	}
	return func(bpw float64) float64 { return own[source].LnPPL + damage(bpw) }
}
