package arch

import "slices"

// Factors multiply the rows of a tensor: those before Ends[0] by By[0], those behind them and before Ends[1] by By[1],
// and so on. By lists factors that are multiplied one after the other, each product rounded.
type Factors struct {
	Ends []int64
	By   [][]float32
}

// Of lists the factors of row r.
func (f *Factors) Of(r int64) []float32 {
	i := slices.IndexFunc(f.Ends, func(end int64) bool { return r < end })
	return f.By[i]
}

// multiply adds a range of n rows with these factors; ones change nothing.
func (f *Factors) multiply(n int64, by ...float64) {
	list := make([]float32, len(by))
	for i, v := range by {
		list[i] = float32(v)
	}
	list = slices.DeleteFunc(list, func(v float32) bool { return v == 1 })
	if len(f.Ends) > 0 {
		n += f.Ends[len(f.Ends)-1]
	}
	f.Ends, f.By = append(f.Ends, n), append(f.By, list)
}

// layout is the layout with these factors, if there is one.
func (f *Factors) layout(l Layout) Layout {
	if slices.ContainsFunc(f.By, func(by []float32) bool { return len(by) > 0 }) {
		l.Factors = f
	}
	return l
}
