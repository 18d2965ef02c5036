package score

import "math"

// Extended are the figures with the loss as it is over all windows of the reference, of which the text has some: the
// reference's mean loss there plus the paired difference over the windows that both have (the difference estimator,
// Cochran 1977). Losses of windows vary far more than the differences, so that only such losses of texts over different
// windows compare.
func (t Text) Extended(reference Text) Text {
	if len(t.WindowNLL) == len(reference.WindowNLL) || !(reference.PPL > 0) {
		return t
	}
	t.PPL = reference.PPL * math.Exp(t.LnRatio)
	t.PPLSE = t.PPL * math.Hypot(reference.PPLSE/reference.PPL, t.LnRatioSE)
	t.BitsPerByte = reference.BitsPerByte * math.Log(t.PPL) / math.Log(reference.PPL)
	return t
}
