package score

import (
	"math"
	"reflect"
	"slices"
)

// Text holds the figures of one model over a whole text. Standard errors treat tokens as independent, as
// llama-perplexity does; the means of the windows are kept for statistics that do not. NaN: not measured.
type Text struct {
	Tokens    int     `json:"tokens"` // scored
	PPL       float64 `json:"ppl"`    // exp of the mean loss
	PPLSE     float64 `json:"ppl_se"` // its standard error
	LnRatio   float64 `json:"ln_ratio"`
	LnRatioSE float64 `json:"ln_ratio_se"` // ln(PPL/PPL of the source), from var(ln q) + var(ln p) - 2 cov(ln q, ln p)
	KLD       float64 `json:"kld"`         // mean KL(source || artifact), nats
	KLDSE     float64 `json:"kld_se"`
	KLDMedian float64 `json:"kld_median"`
	KLDP90    float64 `json:"kld_p90"` // 90th percentile over tokens; quantiles are exact, between neighbours linear
	KLDP95    float64 `json:"kld_p95"`
	KLDP99    float64 `json:"kld_p99"`
	KLDP999   float64 `json:"kld_p999"`
	KLDMax    float64 `json:"kld_max"`
	DeltaP    float64 `json:"delta_p"` // mean change of the true token's probability, -1..1
	DeltaPSE  float64 `json:"delta_p_se"`
	RMSDeltaP float64 `json:"rms_delta_p"`       // its root mean square
	DeltaPs   Series  `json:"delta_p_quantiles"` // at 1, 5, 25, 50, 75, 95 and 99 %
	SameTop   float64 `json:"same_top"`          // share of tokens whose likeliest continuation is the source's, 0..1
	SameTopSE float64 `json:"same_top_se"`

	Entropy     float64 `json:"entropy"`       // mean entropy of the predictions, nats
	BitsPerByte float64 `json:"bits_per_byte"` // loss per byte of scored text: compares between vocabularies

	Confidence []Bucket `json:"confidence"` // divergence by how sure the source was

	WindowKLD Series `json:"chunk_kld"` // mean per window, for paired comparisons and intervals
	WindowNLL Series `json:"chunk_nll"`
	WindowTop Series `json:"chunk_same_top"`
	Windows   []int  `json:"chunk_numbers,omitempty"` // of the text, from 0, ascending; absent: the first ones
}

// Window is the number in the text of the i-th window.
func (t *Text) Window(i int) int {
	if t.Windows == nil {
		return i
	}
	return t.Windows[i]
}

// deltaPQuantiles are the quantiles in Text.DeltaPs.
var deltaPQuantiles = [...]float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}

// Unmeasured is a text without figures: every one NaN.
func Unmeasured() Text {
	var t Text
	for _, f := range reflect.ValueOf(&t).Elem().Fields() {
		if f.Kind() == reflect.Float64 {
			f.SetFloat(math.NaN())
		}
	}
	return t
}

// Sum adds the windows of a text up. bytes is the length of the scored text, for BitsPerByte; 0 when unknown.
func Sum(windows []Window, bytes int) Text {
	var sum Window
	var t Text
	for _, w := range windows {
		sum.add(w)
		n := float64(max(w.Tokens, 1))
		t.WindowNLL, t.WindowKLD = append(t.WindowNLL, w.NLL/n), append(t.WindowKLD, w.KLD/n)
		t.WindowTop = append(t.WindowTop, float64(w.SameTop)/n)
	}
	if sum.Tokens == 0 {
		return t
	}
	n := float64(sum.Tokens)
	mean, ref := sum.NLL/n, sum.RefNLL/n
	varQ, varP := sum.NLL2/n-mean*mean, sum.RefNLL2/n-ref*ref
	cov := sum.CrossNLL/n - mean*ref
	t.Tokens = sum.Tokens
	t.PPL = math.Exp(mean)
	t.PPLSE = t.PPL * standardError(varQ, n)
	t.LnRatio = mean - ref
	t.LnRatioSE = standardError(varQ+varP-2*cov, n)
	t.KLD, t.KLDMax = sum.KLD/n, sum.KLDMax
	t.KLDSE = standardError(sum.KLD2/n-t.KLD*t.KLD, n)
	t.SameTop = float64(sum.SameTop) / n
	t.SameTopSE = standardError(t.SameTop*(1-t.SameTop), n)
	t.DeltaP, t.RMSDeltaP = sum.DeltaP/n, math.Sqrt(sum.DeltaP2/n)
	t.DeltaPSE = standardError(sum.DeltaP2/n-t.DeltaP*t.DeltaP, n)
	t.Entropy = sum.Entropy / n
	t.BitsPerByte = math.NaN()
	if bytes > 0 {
		t.BitsPerByte = math.Log(t.PPL) * n / math.Ln2 / float64(bytes)
	}
	for i, b := range sum.Buckets {
		t.Confidence = append(t.Confidence, Bucket{bucketEdges[i], b.Tokens, b.KLD / float64(max(b.Tokens, 1))})
	}
	t.quantiles(sum.TokenKLD, sum.TokenDeltaP)
	return t
}

// quantiles sorts the values.
func (t *Text) quantiles(kld, delta Values) {
	slices.Sort(kld)
	slices.Sort(delta)
	t.KLDMedian, t.KLDP90, t.KLDP95 = kld.quantile(0.5), kld.quantile(0.9), kld.quantile(0.95)
	t.KLDP99, t.KLDP999 = kld.quantile(0.99), kld.quantile(0.999)
	for _, q := range deltaPQuantiles {
		t.DeltaPs = append(t.DeltaPs, delta.quantile(q))
	}
}

// standardError is that of a mean of n values with the given (biased) variance.
func standardError(variance, n float64) float64 {
	if n < 2 || variance <= 0 {
		return 0
	}
	return math.Sqrt(variance / (n - 1))
}

// Alone keeps the figures that need no reference; the others become NaN.
func (t Text) Alone() Text {
	a := Unmeasured()
	a.Tokens, a.PPL, a.PPLSE, a.Entropy = t.Tokens, t.PPL, t.PPLSE, t.Entropy
	a.BitsPerByte, a.WindowNLL, a.Windows = t.BitsPerByte, t.WindowNLL, t.Windows
	return a
}
