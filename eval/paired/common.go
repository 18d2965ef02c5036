package paired

// Common finds the items that several series have all measured. items[k] are the numbers of series k's items, ascending;
// nil stands for 0, 1, 2 and so on. The result are the places of the common items in each series, nil where a series has
// no others.
func Common(items [][]int, lengths []int) (places [][]int) {
	count := map[int]int{}
	for k := range lengths {
		for i := range known(items[k], lengths[k]) {
			count[number(items[k], i)]++
		}
	}
	places = make([][]int, len(lengths))
	for k, n := range lengths {
		at := make([]int, 0, n)
		for i := range known(items[k], n) {
			if count[number(items[k], i)] == len(lengths) {
				at = append(at, i)
			}
		}
		if len(at) < n {
			places[k] = at
		}
	}
	return places
}

// known is how many values of a series of n have a number.
func known(items []int, n int) int {
	if items == nil {
		return n
	}
	return min(n, len(items))
}

func number(items []int, i int) int {
	if items == nil {
		return i
	}
	return items[i]
}

// Pick are the values of a series at some places; all of them where places is nil.
func Pick[T any](series []T, places []int) []T {
	if places == nil {
		return series
	}
	out := make([]T, len(places))
	for k, i := range places {
		out[k] = series[i]
	}
	return out
}
