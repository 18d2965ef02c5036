// Package score measures how well a model predicted a text: the contribution of one token, the sums over a window, and
// the figures of the whole text. A result is scored once and carried along: eval.Compare yields a Window for each
// window and model, the journal of an evaluation stores it, Sum adds the windows up to a Text, and report.Row embeds
// that.
//
// A new measurement is a field of Token, its sum in Window and its figure in Text, all in this package (and
// eval/logits.go where it needs something new of the logits); then a column in eval/report/columns.go; and, when a
// budget may limit it, a line in eval/gate/metric.go.
package score

import "math"

// Token is the contribution of one scored token. q is the model's probability of the true next token, p the
// reference's.
type Token struct {
	NLL    float64 // -ln q, nats
	RefNLL float64 // -ln p
	// KLD is the divergence of the two distributions over the vocabulary, D = Σ_v P(v)·ln(P(v)/Q(v)).
	KLD        float64
	Entropy    float64 // -Σ_v Q(v)·ln Q(v), nats
	RefEntropy float64
	Confidence float64 // probability of the reference's likeliest token
	SameTop    bool    // the likeliest token is the reference's
}

// window is a window of the token alone.
func (t Token) window() Window {
	delta := math.Exp(-t.NLL) - math.Exp(-t.RefNLL)
	w := Window{
		Tokens: 1,
		NLL:    t.NLL, NLL2: t.NLL * t.NLL,
		RefNLL: t.RefNLL, RefNLL2: t.RefNLL * t.RefNLL,
		CrossNLL: t.NLL * t.RefNLL,
		KLD:      t.KLD, KLD2: t.KLD * t.KLD, KLDMax: t.KLD,
		DeltaP: delta, DeltaP2: delta * delta,
		Entropy: t.Entropy, RefEntropy: t.RefEntropy,
		TokenKLD: Values{float32(t.KLD)}, TokenDeltaP: Values{float32(delta)},
	}
	if t.SameTop {
		w.SameTop = 1
	}
	w.Buckets[bucketOf(t.Confidence)] = Bucket{Tokens: 1, KLD: t.KLD}
	return w
}
