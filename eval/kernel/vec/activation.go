package vec

import "math"

// SiLUMul sets gate[i] = silu(gate[i])*up[i] with silu(x) = x/(1+exp(-x)); without up it multiplies by 1.
func (s *Set) SiLUMul(gate, up []float32) { mul(s.siluMul, gate, up) }

// GELUMul sets gate[i] = gelu(gate[i])*up[i] with gelu(x) = x*(1+erf(x/√2))/2; without up it multiplies by 1.
func (s *Set) GELUMul(gate, up []float32) { mul(s.geluMul, gate, up) }

// GELUTanhMul sets gate[i] = gelu(gate[i])*up[i] with gelu(x) = x*(1+tanh(√(2/π)(x+0.044715x³)))/2; without up it
// multiplies by 1.
func (s *Set) GELUTanhMul(gate, up []float32) { mul(s.geluTanhMul, gate, up) }

// SwiGLUOAIMul sets gate[i] = g*sigmoid(1.702g) * (u+1), the SwiGLU of gpt-oss, with g = min(gate[i], limit) and up[i]
// clamped to ±limit as u.
func (s *Set) SwiGLUOAIMul(gate, up []float32, limit float32) {
	s.swigluOAIMul(gate, up[:len(gate)], limit)
}

// Sigmoid sets x[i] = 1/(1+exp(-x[i])).
func (s *Set) Sigmoid(x []float32) { s.sigmoid(x) }

// SoftCap sets x[i] = limit*tanh(x[i]/limit).
func (s *Set) SoftCap(x []float32, limit float32) { s.softCap(x, limit) }

var ones = func() (x [256]float32) {
	for i := range x {
		x[i] = 1
	}
	return x
}()

// mul calls an activation with up, or with ones instead.
func mul(f func(gate, up []float32), gate, up []float32) {
	if up != nil {
		f(gate, up[:len(gate)])
		return
	}
	for len(gate) > 0 {
		n := min(len(gate), len(ones))
		f(gate[:n], ones[:n])
		gate = gate[n:]
	}
}

func siluMulGeneric(gate, up []float32) {
	for i, v := range gate {
		gate[i] = v / (1 + exp(-v)) * up[i]
	}
}

func geluMulGeneric(gate, up []float32) {
	for i, v := range gate {
		gate[i] = v * float32(math.Erfc(-float64(v)/math.Sqrt2)/2) * up[i]
	}
}

// geluTanhMulGeneric takes (1+tanh(y))/2 as 1/(1+exp(-2y)).
func geluTanhMulGeneric(gate, up []float32) {
	const a = 1.5957691216057308 // 2√(2/π)
	for i, v := range gate {
		x := float64(v)
		gate[i] = v / (1 + float32(math.Exp(-x*(a+a*0.044715*x*x)))) * up[i]
	}
}

func swigluOAIMulGeneric(gate, up []float32, limit float32) {
	for i, v := range gate {
		g := min(v, limit)
		gate[i] = g / (1 + exp(-1.702*g)) * (min(max(up[i], -limit), limit) + 1)
	}
}

func sigmoidGeneric(x []float32) {
	for i, v := range x {
		x[i] = 1 / (1 + exp(-v))
	}
}

func softCapGeneric(x []float32, limit float32) {
	for i, v := range x {
		x[i] = limit * float32(math.Tanh(float64(v)/float64(limit)))
	}
}
