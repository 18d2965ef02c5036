package score

// Window holds the sums over the scored tokens of one window for one model. Sums add, so a whole evaluation, its
// standard errors included, can be put together from the windows in any number of sittings. Symbols are Token's.
type Window struct {
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

	// Buckets part the tokens by the reference's confidence; KLD is a sum here, Below is not set.
	Buckets [len(bucketEdges)]Bucket `json:"buckets"`

	// Every token's D and q - p, in order: quantiles do not add.
	TokenKLD    Values `json:"token_kld"`
	TokenDeltaP Values `json:"token_delta_p"`
}

// Bucket holds the tokens where the reference was about equally sure: its likeliest token has a probability below
// Below, and not below that of the bucket before.
type Bucket struct {
	Below  float64 `json:"below,omitzero"`
	Tokens int     `json:"tokens"`
	KLD    float64 `json:"kld"` // mean
}

// bucketEdges are the upper ends of the buckets; certainty, 1, belongs to the last.
var bucketEdges = [...]float64{0.2, 0.5, 0.8, 0.95, 1}

func bucketOf(confidence float64) int {
	i := 0
	for i < len(bucketEdges)-1 && !(confidence < bucketEdges[i]) {
		i++
	}
	return i
}

// Add adds one scored token.
func (w *Window) Add(t Token) { w.add(t.window()) }

func (w *Window) add(o Window) {
	w.Tokens += o.Tokens
	w.NLL += o.NLL
	w.NLL2 += o.NLL2
	w.RefNLL += o.RefNLL
	w.RefNLL2 += o.RefNLL2
	w.CrossNLL += o.CrossNLL
	w.KLD += o.KLD
	w.KLD2 += o.KLD2
	w.KLDMax = max(w.KLDMax, o.KLDMax)
	w.SameTop += o.SameTop
	w.DeltaP += o.DeltaP
	w.DeltaP2 += o.DeltaP2
	w.Entropy += o.Entropy
	w.RefEntropy += o.RefEntropy
	for i, b := range o.Buckets {
		w.Buckets[i].Tokens += b.Tokens
		w.Buckets[i].KLD += b.KLD
	}
	w.TokenKLD = append(w.TokenKLD, o.TokenKLD...)
	w.TokenDeltaP = append(w.TokenDeltaP, o.TokenDeltaP...)
}
