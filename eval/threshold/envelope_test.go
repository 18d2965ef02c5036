package threshold

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// TestEnvelope: of points with as few bits the best stays, and one with more bits only when it is better.
func TestEnvelope(t *testing.T) {
	points := []Point{bits("A", 2, 0, 0), bits("B", 3, 0, 0), bits("C", 3, 0, 0), bits("D", 4, 0, 0), bits("E", 5, 0, 0)}
	for _, c := range []struct {
		klds []float64
		want []int
	}{
		{[]float64{.5, .4, .3, .2, .1}, []int{0, 2, 3, 4}},
		{[]float64{.5, .3, .4, .9, .1}, []int{0, 1, 4}},
		{[]float64{.1, .3, .4, .1, .2}, []int{0}},
		{[]float64{.5, .3, .3, -1, 0}, []int{0, 1, 3}}, // both at the floor: no fewer bits are needed for that
	} {
		f := &curve{points: points}
		if f.fit(c.klds); !slices.Equal(f.front, c.want) {
			t.Errorf("%v: %v, not %v", c.klds, f.front, c.want)
		}
	}
}

// iquants are formats of which two lie beside the budget; TQ2_0 (3.46 BPW, KLD 3.6) lies above the crossing.
const iquants = "Q8_0,Q6_K,Q4_K_M,Q3_K_S,Q2_K,Q2_K_S,IQ3_XXS,IQ2_M,IQ2_S,IQ2_XS"

// TestFidelityIgnoresHopelessTypes: the crossing of demo-s lies between IQ2_XS and IQ2_S, whatever else was tried.
func TestFidelityIgnoresHopelessTypes(t *testing.T) {
	m := measuredModel(t, "demo-s")
	want := FitFidelity(m.only(iquants), Options{})
	near(t, "BPW", want.BPW, 3.3926, 1e-4)
	near(t, "Low", want.Low, 3.3824, 1e-4)
	near(t, "High", want.High, 3.4040, 1e-4)
	all := strings.Join(formatsOf(m.Points), ",")
	for _, formats := range []string{iquants + ",TQ2_0", iquants + ",TQ1_0,TQ2_0,Q1_0", iquants + ",Q2_0", all} {
		f := FitFidelity(m.only(formats), Options{})
		if f.BPW != want.BPW || f.Bracket != [2]string{"IQ2_XS", "IQ2_S"} {
			t.Errorf("with %s: %+v", strings.TrimPrefix(formats, iquants), f)
		}
		if strings.Contains(formats, "TQ2_0") && !strings.Contains(f.Evidence, "TQ2_0 (3.46 BPW, KLD 3.61)") {
			t.Errorf("what was left out is not told: %s", f.Evidence)
		}
		if formats != all && (f.Low != want.Low || f.High != want.High) {
			t.Errorf("with %s the interval is [%v, %v]", formats, f.Low, f.High)
		}
	}
	// A hopeless type below the lowest useful format does not locate what was below everything tried.
	const headline = "Q8_0,Q6_K,Q5_K_M,Q4_K_M,Q3_K_M,Q3_K_S,Q2_K"
	for _, formats := range []string{headline, headline + ",TQ2_0", headline + ",Q1_0,TQ1_0"} {
		f := FitFidelity(m.only(formats), Options{})
		if f.Status != Below || f.High != paired.Round(m.find("Q2_K").BPW()) || f.Bracket != [2]string{"", "Q2_K"} {
			t.Errorf("%s: %+v", formats, f)
		}
	}
	// Where there is nothing else, the hopeless are what was tried.
	if f := FitFidelity(m.only("TQ2_0,TQ1_0,Q1_0"), Options{}); f.Status != Above || f.Bracket[0] != "Q1_0" {
		t.Errorf("%+v", f)
	}
}

func formatsOf(points []Point) (names []string) {
	for _, p := range points {
		names = append(names, p.Format)
	}
	return names
}

// TestNoFormatContradictsTheInterval: whatever formats were tried and whatever the budget, a format measured within it
// does not lie below the interval, and one on the envelope that misses it does not lie above.
func TestNoFormatContradictsTheInterval(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	models := []Subject{measuredModel(t, "demo-s"), measuredModel(t, "demo-l")}
	located := 0
	for trial := range 400 {
		points := slices.Clone(models[trial%2].Points)
		rng.Shuffle(len(points), func(i, k int) { points[i], points[k] = points[k], points[i] })
		points = points[:1+rng.IntN(len(points))]
		if trial%4 > 1 { // no windows: standard errors
			for i := range points {
				points[i].KLDSE, points[i].WindowKLD = .05*points[i].KLD, nil
			}
		}
		o := Options{Budget: math.Exp(-7 + 7*rng.Float64()), Options: paired.Options{Resamples: 100}}
		f := FitFidelity(points, o)
		if f.Located {
			located++
			if !(f.Low <= f.BPW && (f.BPW <= f.High || f.High == 0)) {
				t.Errorf("the interval does not hold the crossing: %+v", f)
			}
		}
		least := math.Inf(1)
		for _, p := range sorted(points) {
			if p.Source {
				continue
			}
			switch within := p.KLD <= o.Budget; {
			case within && f.Status == Above:
				t.Errorf("%s is within the budget: %+v", p.Format, f)
			case within && p.BPW() < math.Max(f.Low, f.BPW)-1e-9:
				t.Errorf("%s (%.4f BPW, KLD %.4g) is within the budget: %+v", p.Format, p.BPW(), p.KLD, f)
			case !within && p.KLD < least && f.Status != NotLocated && f.High > 0 && p.BPW() > f.High+1e-9:
				t.Errorf("%s (%.4f BPW, KLD %.4g) misses the budget: %+v", p.Format, p.BPW(), p.KLD, f)
			}
			least = math.Min(least, p.KLD)
		}
	}
	if located < 100 {
		t.Errorf("only %d crossings were located", located)
	}
}

func sorted(points []Point) []Point {
	return slices.SortedStableFunc(slices.Values(points), func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Bits, b.Bits), cmp.Compare(a.KLD, b.KLD))
	})
}

// TestFidelityOpenEnds: a status beyond the formats tried has no bound that the error denies.
func TestFidelityOpenEnds(t *testing.T) {
	if f := FitFidelity([]Point{bits("Q8", 8, .101, .01)}, Options{}); f.Status != Above || f.Low != 0 {
		t.Errorf("a format within the error of the budget bounds it: %+v", f)
	}
	if f := FitFidelity([]Point{bits("Q2", 3, .099, .01)}, Options{}); f.Status != Below || f.High != 0 {
		t.Errorf("a format within the error of the budget bounds it: %+v", f)
	}
	// A lossless row tells that the crossing lies below it, not where: its ln KLD is made up.
	m := measuredModel(t, "demo-s")
	f := FitFidelity(m.only("Q6_K,Q8_0,BF16"), Options{Budget: 1e-4})
	if !f.Located || f.Low != paired.Round(m.find("Q8_0").BPW()) || f.High != paired.Round(m.find("BF16").BPW()) ||
		!strings.Contains(f.Evidence, "as BF16 is lossless, it does not say where") {
		t.Errorf("%+v", f)
	}
}
