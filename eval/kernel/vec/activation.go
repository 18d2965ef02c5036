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

// upperTail are the coefficients, highest first, of P in Φ(-t) = exp(-t²/2)·w·P(w), t >= 0, with w = 1/(1+0.35t) and the
// normal distribution function Φ (see the generator).
var upperTail = [...]float32{
	-0.0291578718, 0.144030853, -0.255838867, 0.159319542, -0.0232122502, 0.10555246,
	0.119821298, 0.139863514, 0.139621307,
}

func geluMulGeneric(gate, up []float32) {
	for i, v := range gate {
		size := math.Float32frombits(magnitude(v))
		w := 1 / FMA(size, 0.35, 1)
		tail := float32(polynomial(upperTail[:], w) * w * exp(-0.5*float32(v*v)))
		if !math.Signbit(float64(v)) {
			tail = 1 - tail
		}
		gate[i] = v * tail * up[i]
	}
}

// geluTanhMulGeneric takes (1+tanh(y))/2 as 1/(1+exp(-2y)).
func geluTanhMulGeneric(gate, up []float32) {
	const a = -1.5957691216057308 // -2√(2/π)
	for i, v := range gate {
		y := v * (float32(float32(a*0.044715)*float32(v*v)) + float32(a))
		gate[i] = v / (1 + exp(y)) * up[i]
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

// softCapGeneric takes tanh(y) as (exp(2y)-1) / (exp(2y)+1), where it is not yet ±1.
func softCapGeneric(x []float32, limit float32) {
	for i, v := range x {
		y := expm1(min(max(v*(2/limit), -20), 20))
		x[i] = y / (y + 2) * limit
	}
}

func magnitude(x float32) uint32 { return math.Float32bits(x) &^ (1 << 31) }
