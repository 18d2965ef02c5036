package threshold

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// file makes a point of the given size and NLL over a million weights.
func file(format string, megabytes, nll, se float64) Point {
	bytes := int64(megabytes * 1e6)
	return Point{Format: format, Bits: 8 * bytes, Weights: 1e6, FileBytes: bytes, LnPPL: nll, LnPPLSE: se}
}

func pair(small, large []Point) []Subject {
	return []Subject{
		{Name: "L", Family: "f", Parameters: 2, Vocabulary: "v", Text: "t", Points: large},
		{Name: "S", Family: "f", Parameters: 1, Vocabulary: "v", Text: "t", Points: small},
	}
}

func only(t *testing.T, es []Economy) Economy {
	t.Helper()
	if len(es) != 1 {
		t.Fatalf("%d results: %+v", len(es), es)
	}
	return es[0]
}

func TestFrontier(t *testing.T) {
	front := frontier([]rival{
		{nll: 4.0, Point: Point{Format: "d", FileBytes: 8}},
		{nll: 4.2, Point: Point{Format: "a", FileBytes: 2}},
		{nll: 4.3, Point: Point{Format: "b", FileBytes: 3}}, // larger and worse
		{nll: 4.1, Point: Point{Format: "c", FileBytes: 4}},
	})
	if len(front) != 3 || front[0].Format != "a" || front[1].Format != "c" || front[2].Format != "d" {
		t.Fatalf("%+v", front)
	}
	if _, ok := mixAt(front, 1); ok {
		t.Error("a rival below the smallest file")
	}
	m, ok := mixAt(front, 4)
	if !ok || m.weight != 0 || m.under.Format != "c" || m.beyond {
		t.Errorf("%+v", m)
	}
	m, _ = mixAt(front, 6)
	near(t, "blend", m.blend(m.under.nll, m.over.nll), 4.1-.1*math.Log(1.5)/math.Log(2), 1e-12)
	if m, _ = mixAt(front, 9); !m.beyond || m.under.Format != "d" || m.weight != 0 {
		t.Errorf("%+v", m)
	}
}

func TestEconomyLocated(t *testing.T) {
	small := []Point{file("Q4", 2, 4.4, .001), file("Q8", 4, 4.2, .001), {Format: "BF16", Source: true, FileBytes: 8e6, Weights: 1e6, LnPPL: 4.1, LnPPLSE: .001}}
	large := []Point{file("Q2", 3, 4.5, .001), file("Q3", 4, 4.1, .001), file("Q4", 5, 4.0, .001), file("Q8", 9, 3.9, .001)}
	e := only(t, FitEconomy(pair(small, large), Options{}))
	if !e.Located || e.Status != Located || e.Larger != "L" || len(e.Smaller) != 1 || e.Smaller[0] != "S" {
		t.Fatalf("%+v", e)
	}
	// Q3 wins by 0.1 at 32 BPW, Q2 loses by 4.5-blend at 24.
	loss := 4.5 - (4.4 - .2*math.Log(1.5)/math.Log(2))
	near(t, "BPW", e.BPW, 24+8*loss/(loss+.1), 1e-9)
	if e.Low != 24 || e.High != 32 {
		t.Errorf("interval [%v, %v]", e.Low, e.High)
	}
	if v := e.Comparisons[0]; v.Verdict != Loses || v.Rival != "S between Q4 and Q8" || v.Beyond {
		t.Errorf("%+v", v)
	}
	if v := e.Comparisons[3]; v.Verdict != Wins || v.Rival != "S BF16" || !v.Beyond {
		t.Errorf("%+v", v)
	}
}

func TestEconomyDoubtWidens(t *testing.T) {
	small := []Point{file("Q8", 2, 4.2, .001)}
	large := []Point{file("Q2", 3, 4.9, .001), file("Q3", 4, 4.21, .02), file("Q4", 5, 4.19, .02), file("Q8", 9, 3.9, .001)}
	e := only(t, FitEconomy(pair(small, large), Options{}))
	if !e.Located || e.Low != 24 || e.High != 72 || !(32 < e.BPW && e.BPW < 40) {
		t.Errorf("%+v", e)
	}
	if e.Comparisons[1].Verdict != LosesWithinError || e.Comparisons[2].Verdict != WinsWithinError {
		t.Errorf("%+v", e.Comparisons)
	}
}

func TestEconomyBitsAloneDoNotDecide(t *testing.T) {
	small := []Point{file("Q8", 2, 4.2, .001)}
	large := []Point{file("IQ3", 3, 4.0, .001), file("Q2_K", 3.2, 4.3, .001), file("Q8", 9, 3.9, .001)}
	for i, kld := range []float64{.1, .2, .01} {
		large[i].KLD, large[i].KLDSE = kld, .001
	}
	e := only(t, FitEconomy(pair(small, large), Options{}))
	if e.Status != Below || e.High != 24 || !strings.Contains(e.Evidence, "Bits alone do not decide: it loses at Q2_K") {
		t.Errorf("%+v", e)
	}
}

// TestEconomyDominatedBeyondTheError: Q6 breaks the run of wins although the smaller Q5 has a lower loss, as chance
// alone can give it that: Q6 diverges less.
func TestEconomyDominatedBeyondTheError(t *testing.T) {
	small := []Point{file("Q8", 2, 4.2, .02)}
	large := []Point{file("Q5", 3, 4.10, .02), file("Q6", 4, 4.19, .02), file("Q8", 9, 4.0, .02)}
	for i, kld := range []float64{.03, .02, .001} {
		large[i].KLD, large[i].KLDSE = kld, .001
	}
	if e := only(t, FitEconomy(pair(small, large), Options{})); e.High != 72 {
		t.Errorf("%+v", e)
	}
	large[1].KLD = .04 // now Q5 is surely better
	if e := only(t, FitEconomy(pair(small, large), Options{})); e.High != 24 {
		t.Errorf("%+v", e)
	}
}

// TestEconomyWithinTheError: a lead or a loss that chance explains locates nothing; what is sure is still told.
func TestEconomyWithinTheError(t *testing.T) {
	small := []Point{file("Q8", 2, 4.2, .02)}
	for _, c := range []struct {
		what      string
		large     []Point
		low, high float64
		says      string
	}{
		{"a win at the lowest", []Point{file("Q2", 3, 4.19, .02)}, 0, 0, "it wins at Q2"},
		{"and a sure one above", []Point{file("Q2", 3, 4.19, .02), file("Q8", 9, 3.9, .02)}, 0, 72, "up it surely wins."},
		{"no win, no sure loss", []Point{file("Q2", 3, 4.21, .02), file("Q8", 9, 4.22, .02)}, 0, 0, "it loses least at Q2"},
		{"a sure loss below", []Point{file("Q2", 3, 4.9, .02), file("Q8", 9, 4.21, .02)}, 24, 0, "BPW it surely loses."},
		{"a win above a sure loss", []Point{file("Q2", 3, 4.9, .02), file("Q8", 9, 4.19, .02)}, 24, 0, "wins at Q8"},
		{"a doubtful loss below", []Point{file("Q2", 3, 4.21, .02), file("Q8", 9, 3.9, .02)}, 0, 72, "and loses at Q2"},
	} {
		e := only(t, FitEconomy(pair(small, c.large), Options{}))
		if e.Status != NotLocated || e.Located || e.BPW != 0 || e.Low != c.low || e.High != c.high ||
			!strings.Contains(e.Evidence, c.says) || !strings.Contains(e.Evidence, "not located within the error") {
			t.Errorf("%s: %+v", c.what, e)
		}
	}
}

func TestEconomyNeverWins(t *testing.T) {
	e := only(t, FitEconomy(pair([]Point{file("Q8", 2, 4.0, .001)}, []Point{file("Q2", 3, 4.5, .001), file("Q8", 9, 4.1, .001)}), Options{}))
	if e.Status != NeverWins || e.Located || e.BPW != 0 || e.Low != 72 || e.High != 0 || !strings.Contains(e.Evidence, "it loses least at Q8") {
		t.Errorf("%+v", e)
	}
}

func TestEconomyNotLocated(t *testing.T) {
	small, large := []Point{file("Q8", 2, 4.0, .001)}, []Point{file("Q2", 3, 4.5, .001)}
	for what, change := range map[string]func(s []Subject){
		"different vocabularies": func(s []Subject) { s[0].Vocabulary = "w" },
		"is not known":           func(s []Subject) { s[0].Vocabulary, s[1].Vocabulary = "", "" },
		"different texts":        func(s []Subject) { s[1].Text = "u" },
		"sizes do not overlap":   func(s []Subject) { s[0].Points = []Point{file("Q2", 1, 3, .001)} },
		"no artifact with a":     func(s []Subject) { s[0].Points = []Point{file("Q2", 1, math.NaN(), .001)} },
		"no smaller model has":   func(s []Subject) { s[1].Points = nil },
	} {
		s := pair(small, large)
		change(s)
		if e := only(t, FitEconomy(s, Options{})); e.Status != NotLocated || !strings.Contains(e.Evidence, what) {
			t.Errorf("%s: %+v", what, e)
		}
	}
	s := pair(small, large)
	s[1].Family = "g"
	if es := FitEconomy(s, Options{}); len(es) != 0 {
		t.Errorf("two families were compared: %+v", es)
	}
}

func TestEconomyGolden(t *testing.T) {
	e := only(t, FitEconomy([]Subject{demo(t, "demo-l"), demo(t, "demo-s")}, Options{}))
	if e.Status != NotLocated || e.Located || e.BPW != 0 || e.Low != 0 {
		t.Fatalf("%+v", e)
	}
	q2 := e.Comparisons[0]
	if q2.Format != "Q2_K" || q2.Verdict != WinsWithinError || q2.Beyond || q2.Rival != "demo-s between Q8_0 and BF16" {
		t.Errorf("%+v", q2)
	}
	near(t, "lead at Q2_K", q2.Mean, math.Log(58.468112/58.735), 2e-4)
	if !strings.HasPrefix(e.Evidence, "The economy of demo-l is not located within the error: it wins at Q2_K (3.60 BPW)") {
		t.Error(e.Evidence)
	}
	// With independent errors of 1.5 % each, only the formats from Q4_K_M up are sure.
	if last := e.Comparisons[len(e.Comparisons)-1]; last.Format != "Q8_0" || last.Verdict != Wins || e.High != e.Comparisons[3].BPW {
		t.Errorf("%+v", e)
	}
}

// With i-quants added the same pair crosses between IQ2_XS and IQ2_M. Perplexities are llama.cpp's with the same imatrix
// and text; standard errors as the headline formats have, 1.54 % of the perplexity.
func TestEconomyGoldenWithIQuants(t *testing.T) {
	large := demo(t, "demo-l")
	for _, f := range []struct {
		format string
		bytes  int64
		ppl    float64
	}{{"IQ3_XXS", 5160000, 57.26}, {"IQ2_M", 4744000, 57.95}, {"IQ2_XS", 4327000, 60.17}, {"IQ2_XXS", 4054000, 62.21}} {
		large.Points = append(large.Points, Point{Format: f.format, Bits: 8 * (f.bytes - 130304), Weights: large.Parameters, FileBytes: f.bytes,
			KLD: math.NaN(), LnPPL: math.Log(f.ppl), LnPPLSE: .0154})
	}
	e := only(t, FitEconomy([]Subject{large, demo(t, "demo-s")}, Options{}))
	if !e.Located || !(2.91 < e.BPW && e.BPW < 3.20) {
		t.Errorf("%+v", e)
	}
	// Independent errors leave only IQ2_XXS a sure loser and Q4_K_M the lowest sure winner.
	near(t, "Low", e.Low, e.Comparisons[0].BPW, 0)
	near(t, "High", e.High, 5.0474, 1e-4)
	if e.Comparisons[0].Format != "IQ2_XXS" || e.Comparisons[1].Verdict != LosesWithinError || e.Comparisons[2].Verdict != WinsWithinError {
		t.Errorf("%+v", e.Comparisons)
	}
}

// With windows the errors pair off, and a small lead becomes sure.
func TestEconomyPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	small, large := file("Q8", 2, 4.2, .1), file("Q2", 3, 4.19, .1)
	for range 60 {
		hard := rng.NormFloat64()
		small.WindowNLL = append(small.WindowNLL, 4.2+hard)
		large.WindowNLL = append(large.WindowNLL, 4.19+hard+.01*rng.NormFloat64())
	}
	e := only(t, FitEconomy(pair([]Point{small}, []Point{large}), Options{}))
	if e.Comparisons[0].Verdict != Wins || e.Resamples != 2000 || !strings.Contains(e.Method, "Paired bootstrap over 60 chunks") {
		t.Errorf("%+v", e)
	}
	small.WindowNLL, large.WindowNLL = nil, nil
	e = only(t, FitEconomy(pair([]Point{small}, []Point{large}), Options{}))
	if e.Comparisons[0].Verdict != WinsWithinError || !strings.Contains(e.Method, "independent") {
		t.Errorf("%+v", e)
	}
}

// TestEconomyMeasured: the measured pair crosses between IQ2_S and IQ2_M, and the types that no model of this kind
// survives (Q2_0 lies between the two and loses by 1.7 nats) move nothing. Over windows too few to pair, it is not
// located.
func TestEconomyMeasured(t *testing.T) {
	l, s := measuredModel(t, "demo-l"), measuredModel(t, "demo-s")
	e := only(t, FitEconomy([]Subject{l, s}, Options{}))
	if !e.Located || e.Low != paired.Round(l.find("IQ2_XS").BPW()) || e.High != paired.Round(l.find("IQ3_S").BPW()) {
		t.Fatalf("%+v", e)
	}
	near(t, "BPW", e.BPW, 3.13, .001)
	l.Points = slices.DeleteFunc(l.Points, func(p Point) bool { return p.KLD > hopeless })
	without := only(t, FitEconomy([]Subject{l, s}, Options{}))
	if without.BPW != e.BPW || without.Low != e.Low || without.High != e.High {
		t.Errorf("without hopeless types %+v, with them %+v", without, e)
	}
	for _, points := range [][]Point{l.Points, s.Points} {
		for i := range points {
			points[i].WindowNLL, points[i].LnPPLSE = points[i].WindowNLL[:4], .05
		}
	}
	if e = only(t, FitEconomy([]Subject{l, s}, Options{})); e.Status != NotLocated || e.BPW != 0 ||
		!strings.Contains(e.Evidence, "not located within the error: it wins at IQ2_M") {
		t.Errorf("%+v", e)
	}
}

// A third model faces the best of both smaller ones.
func TestEconomyThreeModels(t *testing.T) {
	s := pair([]Point{file("Q8", 2, 4.0, .001)}, []Point{file("Q2", 3, 3.9, .001), file("Q8", 9, 3.5, .001)})
	s = append(s, Subject{Name: "XL", Family: "f", Parameters: 3, Vocabulary: "v", Text: "t", Points: []Point{file("Q1", 4, 3.95, .001), file("Q2", 9, 3.4, .001)}})
	es := FitEconomy(s, Options{})
	if len(es) != 2 || es[1].Larger != "XL" || len(es[1].Smaller) != 2 || es[1].Comparisons[0].Verdict != Loses || es[1].Comparisons[1].Rival != "L Q8" {
		t.Errorf("%+v", es)
	}
}
