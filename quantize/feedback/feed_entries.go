package feedback

import "math"

// entries is run for a type with a codebook. Of the entries near a group of values, the one stays whose errors, moving
// the values behind them inside the group, are the least.
func (f *feeding) entries() float32 {
	book := f.grid.Book
	values := book.Values()
	var magnitudes [8]float32
	var signs uint8
	for at := 0; at < f.sub; at += book.Dim {
		if at%8 == 0 {
			signs = f.signs(at)
		}
		group := magnitudes[:book.Dim]
		for k := range group {
			if group[k] = f.t[at+k]; signs>>((at+k)%8)&1 != 0 {
				group[k] = -group[k]
			}
		}
		near := book.NearTo(group)
		least, entry := float32(math.Inf(1)), near[0]>>16
		before := *f
		for _, e := range near {
			*f = before
			if f.group(at, values[int(e>>16)*book.Dim:][:book.Dim], signs, at+book.Dim); f.loss < least {
				least, entry = f.loss, e>>16
			}
		}
		*f = before
		f.entry[at/book.Dim] = int32(entry)
		f.group(at, values[int(entry)*book.Dim:][:book.Dim], signs, f.sub)
		if f.total() >= f.limit {
			break
		}
	}
	return f.total()
}

// group puts a group of values on the levels of an entry. The errors move the values before end.
func (f *feeding) group(at int, entry []int8, signs uint8, end int) {
	for k, m := range entry {
		v := float32(m)
		if signs>>((at+k)%8)&1 != 0 {
			v = -v
		}
		f.round(at+k, v, end)
	}
}

// signs are the signs of eight values. Where an even number of them is negative, the one changes that costs least.
func (f *feeding) signs(at int) (signs uint8) {
	odd, weakest, least := false, 0, float32(math.Inf(1))
	for k, t := range f.t[at : at+8] {
		if t < 0 {
			signs |= 1 << k
			odd = !odd
		}
		if d := float32(t*t) * f.root[(at+k)*f.sub+at+k]; d < least {
			weakest, least = k, d
		}
	}
	if odd && f.grid.Book.Even {
		signs ^= 1 << weakest
	}
	return signs
}
