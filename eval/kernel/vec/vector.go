package vec

import "math"

// Scale multiplies x by f.
func (s *Set) Scale(x []float32, f float32) { s.scale(x, f) }

// Softmax replaces x by softmax(scale*x): exp(scale*(x[i]-max)) over the sum of all. Elements of -Inf become 0.
func (s *Set) Softmax(x []float32, scale float32) {
	if len(x) > 0 {
		s.softmax(x, scale)
	}
}

// LogSumExp returns log(sum exp(x[i])), summed in float64; -Inf when x is empty.
func (s *Set) LogSumExp(x []float32) float64 {
	if len(x) == 0 {
		return math.Inf(-1)
	}
	return s.logSumExp(x)
}

// RMSNorm sets dst[i] = x[i] / sqrt(mean(x^2)+eps) * gain[i]. The lengths are equal; dst may be x.
func (s *Set) RMSNorm(dst, x, gain []float32, eps float32) {
	if len(x) > 0 {
		s.rmsNorm(dst[:len(x)], x, gain[:len(x)], eps)
	}
}

// LayerNorm sets dst[i] = (x[i]-mean(x)) / sqrt(mean((x-mean(x))^2)+eps) * gain[i] + bias[i] (arXiv 1607.06450);
// without bias it adds 0. The lengths are equal; dst may be x.
func (s *Set) LayerNorm(dst, x, gain, bias []float32, eps float32) {
	if len(x) == 0 {
		return
	}
	dst = dst[:len(x)]
	s.center(dst, x)
	s.rmsNorm(dst, dst, gain[:len(x)], eps)
	if bias != nil {
		s.add(dst, bias[:len(x)])
	}
}

// Add sets dst[i] += x[i].
func (s *Set) Add(dst, x []float32) { s.add(dst, x[:len(dst)]) }

// AddScaled sets dst[i] += f*x[i], rounding the product and the sum.
func (s *Set) AddScaled(dst, x []float32, f float32) { s.addScaled(dst, x[:len(dst)], f) }

// Mul sets dst[i] *= x[i].
func (s *Set) Mul(dst, x []float32) { s.mul(dst, x[:len(dst)]) }

// AddProduct sets dst[i] += x[i]*y[i], rounding the product and the sum.
func (s *Set) AddProduct(dst, x, y []float32) { s.addProduct(dst, x[:len(dst)], y[:len(dst)]) }

// SumSquares sets acc[i] += x[i]^2.
func (s *Set) SumSquares(acc, x []float32) { s.sumSquares(acc, x[:len(acc)]) }

// KLDivergence returns sum_i P(i)*(log P(i) - log Q(i)) in nats for logits p and q with log P(i) = p[i]-lseP and
// log Q(i) = q[i]-lseQ, in float64. Terms with P(i) = 0 count as 0.
func (s *Set) KLDivergence(p, q []float32, lseP, lseQ float64) float64 {
	return s.klDivergence(p, q[:len(p)], lseP, lseQ)
}

// RoPE rotates the pairs of one head: (a, b) becomes (a*cos - b*sin, a*sin + b*cos). Pair i is (x[2i], x[2i+1]) when
// interleaved, else (x[i], x[i+len(cos)]). Elements beyond 2*len(cos) do not change.
func (s *Set) RoPE(x, cos, sin []float32, interleaved bool) {
	_ = x[:2*len(cos)]
	s.rope(x, cos, sin[:len(cos)], interleaved)
}

func maximumGeneric(x []float32) float32 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

func scaleGeneric(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

func softmaxGeneric(x []float32, scale float32) {
	top := scale * x[0]
	for _, v := range x {
		top = max(top, scale*v)
	}
	sum := sumOf(x, func(v float32) float64 { return float64(exp(float32(scale*v) - top)) })
	for i, v := range x {
		x[i] = exp(float32(scale*v) - top)
	}
	scaleGeneric(x, float32(1/sum))
}

func logSumExpGeneric(x []float32) float64 {
	top := maximumGeneric(x)
	if math.IsInf(float64(top), 0) {
		return float64(top)
	}
	return float64(top) + math.Log(sumOf(x, func(v float32) float64 { return float64(exp(v - top)) }))
}

func rmsNormGeneric(dst, x, gain []float32, eps float32) {
	sum := sumOf(x, func(v float32) float64 { return float64(v) * float64(v) })
	scale := rmsScale(sum, len(x), eps)
	for i, v := range x {
		dst[i] = v * scale * gain[i]
	}
}

// rmsScale is 1/sqrt(sum/n + eps).
func rmsScale(sum float64, n int, eps float32) float32 {
	return 1 / float32(math.Sqrt(float64(float32(sum/float64(n))+eps)))
}

// centerGeneric sets dst[i] = x[i]-mean(x).
func centerGeneric(dst, x []float32) {
	mean := sumOf(x, func(v float32) float64 { return float64(v) }) / float64(len(x))
	for i, v := range x {
		dst[i] = float32(float64(v) - mean)
	}
}

func addGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

func addScaledGeneric(dst, x []float32, f float32) {
	for i, v := range x {
		dst[i] += float32(f * v)
	}
}

func mulGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] *= v
	}
}

func addProductGeneric(dst, x, y []float32) {
	for i, v := range x {
		dst[i] += float32(v * y[i])
	}
}

func sumSquaresGeneric(acc, x []float32) {
	for i, v := range x {
		acc[i] += float32(v * v)
	}
}

func klDivergenceGeneric(p, q []float32, lseP, lseQ float64) float64 {
	var l eight
	add := func(sum *float64, i int) {
		if w := exp(float32(float64(p[i]) - lseP)); w > 0 || w != w {
			*sum = math.FMA(float64(w), float64(p[i])-float64(q[i])-(lseP-lseQ), *sum)
		}
	}
	whole := len(p) &^ 7
	for i := range whole {
		add(&l[i%8], i)
	}
	var rest float64
	for i := whole; i < len(p); i++ {
		add(&rest, i)
	}
	return l.sum() + rest
}

func ropeGeneric(x, cos, sin []float32, interleaved bool) {
	n := len(cos)
	for i := range n {
		j, k := i, i+n
		if interleaved {
			j, k = 2*i, 2*i+1
		}
		a, b := x[j], x[k]
		x[j] = float32(a*cos[i]) - float32(b*sin[i])
		x[k] = float32(a*sin[i]) + float32(b*cos[i])
	}
}
