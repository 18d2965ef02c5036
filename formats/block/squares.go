package block

// SquaredError is sum w (x-y)^2 of a row, front to back in float64. Without y it is sum w x^2, without w all weigh one.
func SquaredError(x, y, w []float32) (sum float64) {
	for i, v := range x {
		d := float64(v)
		if y != nil {
			d -= float64(y[i])
		}
		d = float64(d * d)
		if w != nil {
			d = float64(d * float64(w[i]))
		}
		sum += d
	}
	return sum
}
