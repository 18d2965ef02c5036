package vec

// ReLUSquaredMul sets gate[i] = max(gate[i], 0)²*up[i] (arXiv 2109.08668); without up it multiplies by 1.
func (s *Set) ReLUSquaredMul(gate, up []float32) { mul(s.reluSquaredMul, gate, up) }

// XIELU is the expanded integral of the exponential linear unit (arXiv 2411.13010), an activation with parameters:
//
//	x > 0:  Positive*x² + Beta*x
//	else:   Negative*(exp(min(x, Eps)) - 1 - x) + Beta*x
type XIELU struct{ Positive, Negative, Beta, Eps float32 }

// XIELU sets x[i] = f(x[i]).
func (s *Set) XIELU(x []float32, f *XIELU) { s.xielu(x, f) }

func reluSquaredMulGeneric(gate, up []float32) {
	for i, v := range gate {
		r := max(v, 0)
		gate[i] = r * r * up[i]
	}
}

func xieluGeneric(x []float32, f *XIELU) {
	for i, v := range x {
		if v > 0 {
			x[i] = FMA(f.Positive, v, f.Beta) * v
		} else {
			x[i] = FMA(expm1(min(max(v, -80), f.Eps))-v, f.Negative, float32(f.Beta*v))
		}
	}
}

// xieluOf is for XIELU.
func xieluOf(width int, vectors func(x *float32, n int, positive, negative, beta, eps float32),
	rest func(x []float32, f *XIELU)) func(x []float32, f *XIELU) {
	return func(x []float32, f *XIELU) {
		whole := len(x) &^ (width - 1)
		if whole > 0 {
			vectors(&x[0], whole, f.Positive, f.Negative, f.Beta, f.Eps)
		}
		rest(x[whole:], f)
	}
}
