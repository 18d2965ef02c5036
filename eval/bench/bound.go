package bench

import (
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
)

// Bound says what limits a speed: the larger of two shares.
type Bound struct {
	Memory  float64 // the part of its time that a test would take if only reading took time
	Compute float64 // the same of multiplying
}

// BoundOf takes the work of one pass and how often it was done in a second.
func BoundOf(m machine.Rates, w infer.Work, perSecond float64) Bound {
	var b Bound
	b.Memory = float64(w.WeightBytes+w.KVBytes) / m.ReadBytes * perSecond
	for form, n := range w.Products {
		peak := m.Int8
		switch kernel.ActivationForm(form) {
		case kernel.FormF32:
			peak = m.Float
		case kernel.FormBF16:
			peak = m.BF16
		}
		b.Compute += 2 * float64(n) / peak * perSecond
	}
	return b
}
