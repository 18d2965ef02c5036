package score

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSumIsTheTextbook compares with the definitions, computed from all tokens at once.
func TestSumIsTheTextbook(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []Token
	var windows []Window
	for range 7 {
		var c Window
		for range 50 {
			p := rng.ExpFloat64() * 3
			s := Token{NLL: p + 0.1*rng.NormFloat64(), RefNLL: p, KLD: rng.ExpFloat64() * 0.05, SameTop: rng.IntN(10) > 0,
				Entropy: rng.Float64(), RefEntropy: rng.Float64(), Confidence: rng.Float64()}
			all = append(all, s)
			c.Add(s)
		}
		windows = append(windows, c)
	}
	r := Sum(windows, 0)
	column := func(f func(Token) float64) []float64 {
		var v []float64
		for _, s := range all {
			v = append(v, f(s))
		}
		return v
	}
	nll, nllSE := meanAndError(column(func(s Token) float64 { return s.NLL }))
	ratio, ratioSE := meanAndError(column(func(s Token) float64 { return s.NLL - s.RefNLL }))
	klds := column(func(s Token) float64 { return s.KLD })
	kld, kldSE := meanAndError(klds)
	same, sameSE := meanAndError(column(func(s Token) float64 {
		if s.SameTop {
			return 1
		}
		return 0
	}))
	slices.Sort(klds)
	deltas := column(func(s Token) float64 { return math.Exp(-s.NLL) - math.Exp(-s.RefNLL) })
	delta, deltaSE := meanAndError(deltas)
	slices.Sort(deltas)
	entropy, _ := meanAndError(column(func(s Token) float64 { return s.Entropy }))
	var sure []float64
	for _, s := range all {
		if s.Confidence >= 0.8 && s.Confidence < 0.95 {
			sure = append(sure, s.KLD)
		}
	}
	sureKLD, _ := meanAndError(sure)
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"PPL", r.PPL, math.Exp(nll)}, {"PPLSE", r.PPLSE, math.Exp(nll) * nllSE}, {"LnRatio", r.LnRatio, ratio}, {"LnRatioSE", r.LnRatioSE, ratioSE},
		{"KLD", r.KLD, kld}, {"KLDSE", r.KLDSE, kldSE}, {"KLDMax", r.KLDMax, klds[len(klds)-1]}, {"SameTop", r.SameTop, same}, {"SameTopSE", r.SameTopSE, sameSE},
		{"KLDMedian", r.KLDMedian, (klds[174] + klds[175]) / 2}, {"KLDP99", r.KLDP99, klds[345] + 0.51*(klds[346]-klds[345])},
		{"KLDP90", r.KLDP90, klds[314] + 0.1*(klds[315]-klds[314])}, {"KLDP95", r.KLDP95, klds[331] + 0.55*(klds[332]-klds[331])},
		{"DeltaP", r.DeltaP, delta}, {"DeltaPSE", r.DeltaPSE, deltaSE}, {"DeltaPs 5 %", r.DeltaPs[1], deltas[17] + 0.45*(deltas[18]-deltas[17])},
		{"Entropy", r.Entropy, entropy},
		{"tokens of 0.8 to 0.95", float64(r.Confidence[3].Tokens), float64(len(sure))}, {"their KLD", r.Confidence[3].KLD, sureKLD},
	} {
		if math.Abs(c.got-c.want) > 1e-6*math.Abs(c.want) {
			t.Errorf("%s = %v, want %v", c.what, c.got, c.want)
		}
	}
	if r.Tokens != 350 {
		t.Errorf("%d tokens", r.Tokens)
	}
}

// meanAndError is the mean and its standard error with n-1.
func meanAndError(v []float64) (mean, se float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		se += (x - mean) * (x - mean)
	}
	n := float64(len(v))
	return mean, math.Sqrt(se / n / (n - 1))
}

func TestWindowSurvivesJSON(t *testing.T) {
	var c Window
	rng := rand.New(rand.NewPCG(3, 4))
	for range 9 {
		c.Add(Token{NLL: rng.ExpFloat64(), RefNLL: rng.ExpFloat64(), KLD: rng.ExpFloat64()})
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Window
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); string(again) != string(b) || back.TokenKLD[3] != c.TokenKLD[3] {
		t.Errorf("%s\nbecame\n%s", b, again)
	}
	for _, bad := range []string{`"AA"`, `"A"`, `7`} {
		if err := json.Unmarshal([]byte(bad), new(Values)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestEmpty(t *testing.T) {
	if r := Sum(nil, 0); r.Tokens != 0 || r.PPL != 0 {
		t.Errorf("nothing sums to %+v", r)
	}
}

// TestAlone: without a reference there is a perplexity and no divergence.
func TestAlone(t *testing.T) {
	var w Window
	w.Add(Token{NLL: math.Ln2, RefNLL: 1, KLD: 0.5, Entropy: 0.25})
	all := Sum([]Window{w}, 2)
	got := all.Alone()
	if got.PPL != all.PPL || got.Tokens != 1 || got.Entropy != 0.25 || got.BitsPerByte != 0.5 || len(got.WindowNLL) != 1 {
		t.Errorf("%+v lost figures of its own", got)
	}
	if !math.IsNaN(got.KLD) || !math.IsNaN(got.LnRatio) || !math.IsNaN(got.SameTop) || got.WindowKLD != nil || got.Confidence != nil {
		t.Errorf("%+v compares with nothing", got)
	}
}

// TestBuckets: an edge belongs to the bucket above it, certainty and what is no number to the last.
func TestBuckets(t *testing.T) {
	for confidence, want := range map[float64]int{0: 0, 0.19: 0, 0.2: 1, 0.5: 2, 0.94: 3, 0.95: 4, 1: 4, math.NaN(): 4} {
		if got := bucketOf(confidence); got != want {
			t.Errorf("confidence %v is in bucket %d, want %d", confidence, got, want)
		}
	}
	if c := Sum([]Window{{Tokens: 1}}, 0).Confidence; len(c) != 5 || c[0].Below != 0.2 || c[4].Below != 1 {
		t.Errorf("%+v", c)
	}
}

// TestSeries: null stands for what is not finite, and for a series that was not measured.
func TestSeries(t *testing.T) {
	for text, s := range map[string]Series{"null": nil, "[]": {}, "[1,null]": {1, math.Inf(1)}} {
		b, err := json.Marshal(s)
		if err != nil || string(b) != text {
			t.Errorf("%v is %s, %v", s, b, err)
		}
		var back Series
		if err := json.Unmarshal(b, &back); err != nil || len(back) != len(s) || (back == nil) != (s == nil) {
			t.Errorf("%s is read as %v, %v", b, back, err)
		}
	}
}
