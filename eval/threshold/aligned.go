package threshold

import "bitmill/eval/paired"

// aligned are the points with the series of the windows that all of them have. Points without series take no part.
func aligned(points []Point) []Point {
	var with []int
	var items [][]int
	var lengths []int
	for i, p := range points {
		if n := max(len(p.WindowKLD), len(p.WindowNLL)); n > 0 {
			with, items, lengths = append(with, i), append(items, p.Windows), append(lengths, n)
		}
	}
	out := append([]Point(nil), points...)
	for k, places := range paired.Common(items, lengths) {
		if places == nil {
			continue
		}
		p := &out[with[k]]
		p.WindowKLD, p.WindowNLL = pickSeries(p.WindowKLD, places), pickSeries(p.WindowNLL, places)
		if p.Windows == nil {
			p.Windows = places
		} else {
			p.Windows = paired.Pick(p.Windows, places)
		}
	}
	return out
}

// pickSeries picks from a series unless there is none.
func pickSeries(series []float64, places []int) []float64 {
	if series == nil {
		return nil
	}
	return paired.Pick(series, places)
}
