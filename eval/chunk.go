package eval

import (
	"math"
	"slices"
)

// Chunk holds the sums over the scored tokens of one window for one model. Sums add, so a whole evaluation, its
// standard errors included, can be put together from the chunks in any number of sittings.
//
// q is the model's probability of the true next token, p the reference's; D is the divergence of one token's
// distribution, D = Σ_v P(v)·ln(P(v)/Q(v)).
type Chunk struct {
	Tokens     int     `json:"tokens"`
	NLL        float64 `json:"nll"`       // Σ -ln q, nats
	NLL2       float64 `json:"nll2"`      // Σ (ln q)²
	RefNLL     float64 `json:"ref_nll"`   // Σ -ln p
	RefNLL2    float64 `json:"ref_nll2"`  // Σ (ln p)²
	CrossNLL   float64 `json:"cross_nll"` // Σ ln p · ln q
	KLD        float64 `json:"kld"`       // Σ D, nats
	KLD2       float64 `json:"kld2"`      // Σ D²
	KLDMax     float64 `json:"kld_max"`   // max D
	SameTop    int     `json:"same_top"`  // tokens whose most probable successor is the reference's
	DeltaP     float64 `json:"delta_p"`   // Σ (q - p)
	DeltaP2    float64 `json:"delta_p2"`  // Σ (q - p)²
	Entropy    float64 `json:"entropy"`   // Σ -Σ_v Q(v)·ln Q(v), nats
	RefEntropy float64 `json:"ref_entropy"`

	// Buckets part the tokens by the reference's confidence, the probability of its likeliest token.
	Buckets [BucketCount]Bucket `json:"buckets"`

	// Every token's D and q - p, in order: quantiles do not add.
	Tokenwise      Values `json:"token_kld"`
	TokenwiseDelta Values `json:"token_delta_p"`
}

// Bucket holds the tokens of which the reference was about equally sure.
type Bucket struct {
	Tokens int     `json:"tokens"`
	KLD    float64 `json:"kld"` // Σ D
}

// BucketCount and BucketEdges cut confidence: bucket i holds tokens with confidence below BucketEdges[i], the last the rest.
const BucketCount = 5

// BucketEdges are the upper ends of all buckets but the last.
var BucketEdges = [BucketCount - 1]float64{0.2, 0.5, 0.8, 0.95}

func bucketOf(confidence float64) int {
	for i, edge := range BucketEdges {
		if confidence < edge {
			return i
		}
	}
	return BucketCount - 1
}

// token adds one scored token.
func (c *Chunk) token(s score) {
	c.Tokens++
	c.NLL += s.nll
	c.NLL2 += s.nll * s.nll
	c.RefNLL += s.refNLL
	c.RefNLL2 += s.refNLL * s.refNLL
	c.CrossNLL += s.nll * s.refNLL
	c.KLD += s.kld
	c.KLD2 += s.kld * s.kld
	c.KLDMax = max(c.KLDMax, s.kld)
	if s.sameTop {
		c.SameTop++
	}
	dp := math.Exp(-s.nll) - math.Exp(-s.refNLL)
	c.DeltaP += dp
	c.DeltaP2 += dp * dp
	c.Entropy += s.entropy
	c.RefEntropy += s.refEntropy
	b := &c.Buckets[bucketOf(s.confidence)]
	b.Tokens++
	b.KLD += s.kld
	c.Tokenwise = append(c.Tokenwise, float32(s.kld))
	c.TokenwiseDelta = append(c.TokenwiseDelta, float32(dp))
}

func (c *Chunk) add(o Chunk) {
	c.Tokens += o.Tokens
	c.NLL += o.NLL
	c.NLL2 += o.NLL2
	c.RefNLL += o.RefNLL
	c.RefNLL2 += o.RefNLL2
	c.CrossNLL += o.CrossNLL
	c.KLD += o.KLD
	c.KLD2 += o.KLD2
	c.KLDMax = max(c.KLDMax, o.KLDMax)
	c.SameTop += o.SameTop
	c.DeltaP += o.DeltaP
	c.DeltaP2 += o.DeltaP2
	c.Entropy += o.Entropy
	c.RefEntropy += o.RefEntropy
	for i, b := range o.Buckets {
		c.Buckets[i].Tokens += b.Tokens
		c.Buckets[i].KLD += b.KLD
	}
	c.Tokenwise = append(c.Tokenwise, o.Tokenwise...)
	c.TokenwiseDelta = append(c.TokenwiseDelta, o.TokenwiseDelta...)
}

// Result is what the chunks of one model add up to. Standard errors treat tokens as independent, as llama-perplexity
// does; the chunks are kept for statistics that do not.
type Result struct {
	Tokens     int
	PPL, PPLSE float64 // exp(mean NLL) and its standard error
	LnRatio    float64 // ln(PPL / reference PPL)
	LnRatioSE  float64 // from var(q) + var(p) - 2 cov(q, p)
	KLD, KLDSE float64 // mean divergence from the reference, nats
	KLDMedian  float64
	KLDP90     float64 // 90th percentile over tokens; all quantiles are exact, between neighbours linear
	KLDP95     float64
	KLDP99     float64
	KLDP999    float64
	KLDMax     float64
	SameTop    float64 // share of tokens, 0..1
	SameTopSE  float64
	DeltaP     float64 // mean change of the true token's probability, -1..1
	DeltaPSE   float64
	DeltaPRMS  float64 // its root mean square
	DeltaPs    [len(DeltaPQuantiles)]float64
	Entropy    float64 // mean over tokens, nats
	RefEntropy float64
	Buckets    [BucketCount]Bucket // KLD here is the mean
	Chunks     []Chunk
}

// DeltaPQuantiles are those that Result.DeltaPs holds.
var DeltaPQuantiles = [...]float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}

// Summarize adds chunks up.
func Summarize(chunks []Chunk) Result {
	var sum Chunk
	for _, c := range chunks {
		sum.add(c)
	}
	n := float64(sum.Tokens)
	r := Result{Tokens: sum.Tokens, Chunks: chunks, KLDMax: sum.KLDMax}
	if sum.Tokens == 0 {
		return r
	}
	mean, ref := sum.NLL/n, sum.RefNLL/n
	varQ, varP := sum.NLL2/n-mean*mean, sum.RefNLL2/n-ref*ref
	cov := sum.CrossNLL/n - mean*ref
	r.PPL = math.Exp(mean)
	r.PPLSE = r.PPL * standardError(varQ, n)
	r.LnRatio = mean - ref
	r.LnRatioSE = standardError(varQ+varP-2*cov, n)
	r.KLD = sum.KLD / n
	r.KLDSE = standardError(sum.KLD2/n-r.KLD*r.KLD, n)
	r.SameTop = float64(sum.SameTop) / n
	r.SameTopSE = standardError(r.SameTop*(1-r.SameTop), n)
	r.DeltaP, r.DeltaPRMS = sum.DeltaP/n, math.Sqrt(sum.DeltaP2/n)
	r.DeltaPSE = standardError(sum.DeltaP2/n-r.DeltaP*r.DeltaP, n)
	r.Entropy, r.RefEntropy = sum.Entropy/n, sum.RefEntropy/n
	for i, b := range sum.Buckets {
		r.Buckets[i] = Bucket{b.Tokens, b.KLD / float64(max(b.Tokens, 1))}
	}
	r.quantiles(sum.Tokenwise, sum.TokenwiseDelta)
	return r
}

// quantiles sorts the values.
func (r *Result) quantiles(kld, delta Values) {
	slices.Sort(kld)
	slices.Sort(delta)
	r.KLDMedian, r.KLDP90, r.KLDP95 = kld.quantile(0.5), kld.quantile(0.9), kld.quantile(0.95)
	r.KLDP99, r.KLDP999 = kld.quantile(0.99), kld.quantile(0.999)
	for i, q := range DeltaPQuantiles {
		r.DeltaPs[i] = delta.quantile(q)
	}
}

// standardError is that of a mean of n values with the given (biased) variance.
func standardError(variance, n float64) float64 {
	if n < 2 || variance <= 0 {
		return 0
	}
	return math.Sqrt(variance / (n - 1))
}

// BitsPerByte is the whole loss over the bytes of the text that was scored: it compares between vocabularies. NaN when
// the bytes are not known.
func (r Result) BitsPerByte(bytes int) float64 {
	if bytes <= 0 {
		return math.NaN()
	}
	return math.Log(r.PPL) * float64(r.Tokens) / math.Ln2 / float64(bytes)
}

// ChunkMeans returns the mean NLL and the mean KLD of every chunk.
func (r Result) ChunkMeans() (nll, kld []float64) {
	for _, c := range r.Chunks {
		n := float64(max(c.Tokens, 1))
		nll, kld = append(nll, c.NLL/n), append(kld, c.KLD/n)
	}
	return nll, kld
}
