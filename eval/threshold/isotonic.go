package threshold

// nonIncreasing replaces y by its least-squares fit among non-increasing sequences (pool adjacent violators): while a
// value exceeds the one before, both become their mean. Equal weights: where a format with more bits is worse than one
// with fewer, the cause is the recipe, not the noise, so no format's smaller standard error should rule.
func nonIncreasing(y []float64) {
	type pool struct {
		sum float64
		n   int
	}
	mean := func(p pool) float64 { return p.sum / float64(p.n) }
	pools := make([]pool, 0, len(y))
	for _, v := range y {
		pools = append(pools, pool{v, 1})
		for k := len(pools) - 1; k > 0 && mean(pools[k]) > mean(pools[k-1]); k-- {
			pools[k-1].sum += pools[k].sum
			pools[k-1].n += pools[k].n
			pools = pools[:k]
		}
	}
	i := 0
	for _, p := range pools {
		for range p.n {
			y[i] = mean(p)
			i++
		}
	}
}

// side says where a curve meets a level, seen from the points.
type side int

const (
	inside     side = iota
	belowFirst      // the curve lies under the level from the first point on
	aboveLast       // the curve lies over the level up to the last point
)

// cross finds where the non-increasing values y at ascending places x fall to the level, linearly between neighbours.
// Outside, x is the nearer end.
func cross(x, y []float64, level float64) (float64, side) {
	if y[0] <= level {
		return x[0], belowFirst
	}
	for i := 1; i < len(y); i++ {
		if y[i] <= level {
			t := (y[i-1] - level) / (y[i-1] - y[i])
			return x[i-1] + float64(t*(x[i]-x[i-1])), inside
		}
	}
	return x[len(x)-1], aboveLast
}
