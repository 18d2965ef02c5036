package threshold

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// world stands for a model that is measured on windows: mixes of any size in steps, and formats that do worse.
type world struct {
	source, slope float64 // loss of the source; ln of the divergence falls so much a bit
	at3           float64 // divergence of a mix of 3 bits
	step          float64
	hard          []float64 // what makes a window hard, shared with the models of the family
	rng           *rand.Rand
	wave          float64 // unevenness of the curve
	million       int64   // parameters
}

const worldWindows = 40

func (w *world) damage(bpw float64) float64 {
	return w.at3 * math.Exp(-w.slope*(bpw-3)+w.wave*math.Sin(11*bpw))
}

// point measures a file. Its damage shows in the divergence and, with noise, in the loss.
func (w *world) point(name string, bpw, damage float64) Point {
	p := Point{Format: name, Mix: strings.HasSuffix(name, "bpw"), Weights: w.million * 1e6,
		Bits: int64(bpw * float64(w.million) * 1e6)}
	p.FileBytes = p.Bits/8 + 100_000
	for i := range worldWindows {
		own := math.Exp(0.1 * w.rng.NormFloat64())
		p.WindowKLD = append(p.WindowKLD, damage*math.Exp(0.2*w.hard[i]-0.02)*own)
		p.WindowNLL = append(p.WindowNLL, w.source+0.3*w.hard[i]+damage*own+0.05*w.rng.NormFloat64())
		p.KLD, p.LnPPL = p.KLD+p.WindowKLD[i]/worldWindows, p.LnPPL+p.WindowNLL[i]/worldWindows
	}
	p.KLDSE, p.LnPPLSE = 0.03*p.KLD, 0.04
	return p
}

// subject is the model with its formats.
func (w *world) subject(name string) Subject {
	s := Subject{Name: name, Family: "f", Parameters: w.million, Vocabulary: "v", Text: "t"}
	source := w.point("BF16", 16, 0)
	source.Source = true
	s.Points = append(s.Points, source)
	for i, format := range []string{"Q8_0", "Q6_K", "Q4_K_M", "Q3_K_S", "Q2_K"} {
		bpw := []float64{8.5, 6.57, 5, 4, 3.6}[i]
		s.Points = append(s.Points, w.point(format, bpw, 1.3*w.damage(bpw)))
	}
	return s
}

// files are the mixes of the model.
func (w *world) files(least float64) Files {
	return Files{Least: least, Most: 8.6,
		Reach: func(x float64) float64 { return least + w.step*math.Floor((x-least)/w.step+1e-9) }}
}

// search measures until next asks for nothing more.
func (w *world) search(t *testing.T, s *Subject, next func() []float64) (probes int) {
	t.Helper()
	for range 30 {
		sizes := next()
		if len(sizes) == 0 {
			return probes
		}
		for _, x := range sizes {
			s.Points = append(s.Points, w.point(fmt.Sprintf("%.4f bpw", x), x, w.damage(x)))
			probes++
		}
	}
	t.Fatalf("the search has no end after %d probes", probes)
	return 0
}

func newWorlds(seed uint64) (small, large *world) {
	rng := rand.New(rand.NewPCG(seed, 9))
	hard := make([]float64, worldWindows)
	for i := range hard {
		hard[i] = rng.NormFloat64()
	}
	small = &world{source: 4.05, slope: 1.4, at3: 0.09, step: 0.007, hard: hard, rng: rng, million: 4}
	large = &world{source: 3.9, slope: 1.4, at3: 0.04, step: 0.003, hard: hard, rng: rng, million: 12}
	return small, large
}

// TestSearchesEnd: both thresholds of a pair are bracketed, with few probes, and the located intervals hold the truth
// in nearly all runs.
func TestSearchesEnd(t *testing.T) {
	o := Options{Options: paired.Options{Resamples: 200}}
	truth := 3 + math.Log(0.04/0.1)/1.4 // of fidelity
	const runs = 40
	fidelity, economy, probes := 0, 0, 0
	for seed := range uint64(runs) {
		small, large := newWorlds(seed + 1)
		s, l := small.subject("S"), large.subject("L")
		probes += large.search(t, &l, func() []float64 { return NextFidelity(l.Points, large.files(1.6), o) })
		f := LocateFidelity(l, FitFidelity(l.Points, o), 0, o)
		if !f.Located || f.Meets-f.Misses > max(0.05, f.High-f.Low) || f.Against != BelowClaim {
			t.Fatalf("%+v", f)
		}
		if f.Low <= truth && truth <= f.High {
			fidelity++
		}
		probes += large.search(t, &l, func() []float64 { return NextEconomy(l, []Subject{s}, large.files(1.6), o) })
		e := LocateEconomy(l, only(t, FitEconomy([]Subject{s, l}, o)), 0, o)
		if !e.Located || e.Low == 0 || e.High == 0 || e.High-e.Low > 0.6 {
			t.Fatalf("%+v", e)
		}
		// The larger model's loss equals the smaller one's, of about 8 bits there, where its damage is the sources'
		// difference.
		if at := 3 + math.Log(0.04/0.15)/1.4; e.Low <= at && at <= e.High {
			economy++
		}
	}
	if fidelity < runs*9/10 || economy < runs*9/10 || probes > 16*runs {
		t.Errorf("of %d runs fidelity holds the truth in %d and economy in %d; %.1f probes each", runs, fidelity, economy,
			float64(probes)/runs)
	}
}

// TestSearchOfOddCurves: curves that more bits make worse at places are bracketed at a crossing and said to be odd;
// budgets that are met everywhere, or nowhere, end the search; a model alone has no economy.
func TestSearchOfOddCurves(t *testing.T) {
	o := Options{Options: paired.Options{Resamples: 200}}
	small, large := newWorlds(99)
	large.wave = 0.5
	l := large.subject("L")
	large.search(t, &l, func() []float64 { return NextFidelity(l.Points, large.files(1.6), o) })
	l.Points = append(l.Points, large.point("worse bpw", 5.2, large.damage(2.6)))
	f := LocateFidelity(l, FitFidelity(l.Points, o), 0, o)
	if !f.Located || f.Monotone || !strings.Contains(strings.Join(f.Exceptions, ", "), "worse bpw than ") ||
		!strings.Contains(f.Evidence, "Bits alone do not decide") {
		t.Errorf("%+v", f)
	}
	l = large.subject("L")
	if n := large.search(t, &l, func() []float64 { return NextFidelity(l.Points, large.files(3.3), o) }); n > 3 {
		t.Errorf("%d probes where the budget is met everywhere", n)
	}
	f = LocateFidelity(l, FitFidelity(l.Points, o), 0, o)
	if f.Located || f.Status != Below || f.Meets > 3.31 || f.Against != BelowClaim ||
		!strings.Contains(f.Evidence, "the smallest that was made") {
		t.Errorf("met everywhere: %+v", f)
	}
	tight := Options{Budget: 1e-5, Options: o.Options}
	l = large.subject("L")
	large.wave = 0
	large.search(t, &l, func() []float64 { return NextFidelity(l.Points, large.files(1.6), tight) })
	f = LocateFidelity(l, FitFidelity(l.Points, tight), 0, tight)
	if f.Located || f.Status != Above || f.Meets != 0 || f.Misses < 8 || !strings.Contains(f.Evidence, "no size") {
		t.Errorf("met nowhere: %+v", f)
	}
	if sizes := NextEconomy(l, nil, large.files(1.6), o); sizes != nil {
		t.Errorf("a model alone: %v", sizes)
	}
	bad := &world{source: 5, slope: 1.4, at3: 0.04, step: 0.01, hard: large.hard, rng: large.rng, million: 12}
	l = bad.subject("L")
	if n := bad.search(t, &l, func() []float64 {
		return NextEconomy(l, []Subject{small.subject("S")}, bad.files(1.6), o)
	}); n != 0 {
		t.Errorf("%d probes for a model that loses at its best", n)
	}
}
