package vec

// eight are sums in float64 over every eighth number, from each of the first eight on.
type eight [8]float64

func (l *eight) sum() float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// sumOf is the sum of f over x: whole eights as lanes, and the rest behind them.
func sumOf(x []float32, f func(v float32) float64) float64 {
	var l eight
	whole := len(x) &^ 7
	for i, v := range x[:whole] {
		l[i%8] += f(v)
	}
	sum := l.sum()
	for _, v := range x[whole:] {
		sum += f(v)
	}
	return sum
}
