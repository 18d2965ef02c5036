package sequential

import "math/rand/v2"

// Order is a random order of the items 0 to n-1 of a population. However many of the first ones are taken, they are
// spread over the whole of it: of 2^k there is one in each of 2^k equal parts (a scrambled net, Owen 1995, on a circle
// turned at random). Neighbours correlate, so that the mean of such items varies less than that of any others, and
// intervals that count on any others hold the more often.
func Order(n int, rng *rand.Rand) []int {
	if n == 0 {
		return nil
	}
	turn := rng.IntN(n)
	places := []int{rng.IntN(n)} // on the circle before it is turned
	for parts := 1; len(places) < n; parts *= 2 {
		var more []int
		for _, p := range places {
			if q, ok := partner(p, parts, n, rng); ok {
				more = append(more, q)
			}
		}
		rng.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
		places = append(places, more...)
	}
	for i := range places {
		places[i] = (places[i] + turn) % n
	}
	return places
}

// partner is a random place in the other half of the part that p lies in; not ok when that half is empty.
func partner(p, parts, n int, rng *rand.Rand) (place int, ok bool) {
	begin := func(half int) int { return half * n / (2 * parts) }
	half := 0
	for low, high := 0, 2*parts; low < high-1; { // the half that p lies in: the last that begins at p or before
		if middle := (low + high) / 2; begin(middle) <= p {
			low, half = middle, middle
		} else {
			high = middle
		}
	}
	other := half ^ 1
	size := begin(other+1) - begin(other)
	if size == 0 {
		return 0, false
	}
	return begin(other) + rng.IntN(size), true
}
