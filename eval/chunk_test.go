package eval

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSummarizeIsTheTextbook compares with the definitions, computed from all tokens at once.
func TestSummarizeIsTheTextbook(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []score
	var chunks []Chunk
	for range 7 {
		var c Chunk
		for range 50 {
			p := rng.ExpFloat64() * 3
			s := score{nll: p + 0.1*rng.NormFloat64(), refNLL: p, kld: rng.ExpFloat64() * 0.05, sameTop: rng.IntN(10) > 0,
				entropy: rng.Float64(), refEntropy: rng.Float64(), confidence: rng.Float64()}
			all = append(all, s)
			c.token(s)
		}
		chunks = append(chunks, c)
	}
	r := Summarize(chunks)
	column := func(f func(score) float64) []float64 {
		var v []float64
		for _, s := range all {
			v = append(v, f(s))
		}
		return v
	}
	nll, nllSE := meanAndError(column(func(s score) float64 { return s.nll }))
	ratio, ratioSE := meanAndError(column(func(s score) float64 { return s.nll - s.refNLL }))
	klds := column(func(s score) float64 { return s.kld })
	kld, kldSE := meanAndError(klds)
	same, sameSE := meanAndError(column(func(s score) float64 {
		if s.sameTop {
			return 1
		}
		return 0
	}))
	slices.Sort(klds)
	deltas := column(func(s score) float64 { return math.Exp(-s.nll) - math.Exp(-s.refNLL) })
	delta, deltaSE := meanAndError(deltas)
	slices.Sort(deltas)
	entropy, _ := meanAndError(column(func(s score) float64 { return s.entropy }))
	refEntropy, _ := meanAndError(column(func(s score) float64 { return s.refEntropy }))
	var sure []float64
	for _, s := range all {
		if s.confidence >= 0.8 && s.confidence < 0.95 {
			sure = append(sure, s.kld)
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
		{"Entropy", r.Entropy, entropy}, {"RefEntropy", r.RefEntropy, refEntropy},
		{"tokens of 0.8 to 0.95", float64(r.Buckets[3].Tokens), float64(len(sure))}, {"their KLD", r.Buckets[3].KLD, sureKLD},
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

func TestChunkSurvivesJSON(t *testing.T) {
	var c Chunk
	rng := rand.New(rand.NewPCG(3, 4))
	for range 9 {
		c.token(score{nll: rng.ExpFloat64(), refNLL: rng.ExpFloat64(), kld: rng.ExpFloat64()})
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Chunk
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); string(again) != string(b) || back.Tokenwise[3] != c.Tokenwise[3] {
		t.Errorf("%s\nbecame\n%s", b, again)
	}
	for _, bad := range []string{`"AA"`, `"A"`, `7`} {
		if err := json.Unmarshal([]byte(bad), new(Values)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestEmpty(t *testing.T) {
	if r := Summarize(nil); r.Tokens != 0 || r.PPL != 0 {
		t.Errorf("nothing sums to %+v", r)
	}
}
