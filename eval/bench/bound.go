package bench

import (
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
)

// Bound is what limits a speed: the larger of two shares.
type Bound struct {
	Memory  float64 // of the time: what reading from memory would take alone
	Compute float64 // the same for multiplying
}

// BoundOf returns the shares of a pass over tokens whose work was done so often per second, on a machine of these
// rates.
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
