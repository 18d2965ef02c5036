package encode

import "math/bits"

// codebookFit is one sub-block and the result for it.
type codebookFit struct {
	book  *codebook
	x     [32]float32 // magnitudes, but see makeEven
	w     [32]float32 // weights
	root  [32]float32 // their square roots
	signs [4]uint8    // of 8 values each

	entry [8]int32 // of each group
	exact [8]bool  // the group's levels are in the codebook
	scale float32
	empty bool // nothing but zeros: entry is unset, scale 0
}

// fit searches a sub-block whose weights are set.
func (f *codebookFit) fit(t *codebookType, x []float32) {
	if f.load(x); t.even {
		f.makeEven(x)
	}
	extreme := maximum(f.x[:t.size])
	f.scale = extreme / f.book.top()
	f.empty = extreme < t.least
	if t.four && !f.empty {
		var q [32]uint8
		f.scale = searchNonneg(q[:t.size], f.x[:], f.w[:], 4)
		f.empty = !(f.scale > 0)
		extreme = f.scale * 3
	}
	if f.empty {
		f.scale = 0
		return
	}
	f.roots(t.size)
	f.search(t, extreme)
}

// load sets magnitudes and signs.
func (f *codebookFit) load(x []float32) {
	for i := range f.signs {
		f.signs[i] = 0
	}
	for i, v := range x {
		if v >= 0 {
			f.x[i] = v
		} else {
			f.x[i] = -v
			f.signs[i/8] |= 1 << (i % 8)
		}
	}
}

// makeEven is for types that store seven signs of eight, which need an even number of negative values. Where it is odd,
// the value that matters least (w*x^2) takes the wrong sign: its magnitude becomes negative.
func (f *codebookFit) makeEven(x []float32) {
	for g := 0; g < len(x); g += 8 {
		if signs := &f.signs[g/8]; bits.OnesCount8(*signs)%2 == 1 {
			least := leastOf8((*[8]float32)(x[g:]), (*[8]float32)(f.w[g:]))
			f.x[g+least] = -f.x[g+least]
			*signs ^= 1 << least
		}
	}
}

// leastOf8 returns the index of the smallest w*x^2.
func leastOf8(x, w *[8]float32) (least int) {
	smallest := float32(float32(w[0]*x[0]) * x[0])
	for i, v := range x {
		if e := float32(float32(w[i]*v) * v); e < smallest {
			smallest, least = e, i
		}
	}
	return least
}

// search finds scale and entries. extreme is the value that candidates put near the highest level, f.scale the scale
// that stays, with the lowest levels, when no candidate explains anything (weights of zero).
func (f *codebookFit) search(s *codebookType, extreme float32) {
	groups := s.size / f.book.dim
	top := f.book.top()
	var best float32
	clear(f.entry[:])
	for g := range f.exact {
		f.exact[g] = s.second == nearOnes
	}
	var entry [8]int32
	var exact, none [8]bool
	for k := -s.steps; k <= s.steps; k++ {
		inverse := (top + float32(s.step*float32(k))) / extreme
		f.round(entry[:groups], exact[:groups], none[:groups], inverse, 1/inverse)
		if sums := f.sums(entry[:groups]); sums.explains(best) {
			f.scale = sums.xq / sums.q2
			best = f.scale * sums.xq
			f.entry, f.exact = entry, exact
		}
	}
	f.again(s, groups)
	if f.scale < 0 {
		f.scale = -f.scale
		for i := range f.signs {
			f.signs[i] = ^f.signs[i]
		}
	}
}

// again rounds a second time, with the scale found.
func (f *codebookFit) again(s *codebookType, groups int) {
	needed := s.second == always
	for _, exact := range f.exact[:groups] {
		needed = needed || !exact
	}
	if !needed || !(f.scale > 0) {
		return
	}
	var keep [8]bool
	if s.second == nearOnes {
		keep = f.exact
	}
	f.round(f.entry[:groups], f.exact[:groups], keep[:groups], 1/f.scale, f.scale)
	if sums := f.sums(f.entry[:groups]); sums.q2 > 0 {
		f.scale = sums.xq / sums.q2
	}
}

// round finds the entries for one step, except those of groups to keep.
func (f *codebookFit) round(entry []int32, exact, keep []bool, inverse, scale float32) {
	if f.book.dim == 8 {
		f.round8(entry, exact, keep, inverse, scale)
	} else {
		f.round4(entry, exact, keep, inverse, scale)
	}
}

func (f *codebookFit) round8(entry []int32, exact, keep []bool, inverse, scale float32) {
	var t terms8
	at := [3]float32{scale, scale * 3, scale * 5}
	for g := range entry {
		if keep[g] {
			continue
		}
		x := (*[8]float32)(f.x[8*g:])
		code := int32(0)
		for k := 7; k >= 0; k-- {
			code = 3*code + oddLevel(inverse, x[k], 2)
		}
		found := f.book.lookup[code]
		exact[g] = found >= 0
		if found < 0 {
			t.set(x, (*[8]float32)(f.root[8*g:]), &at)
			found = f.book.nearOf(found).least8(&t)
		}
		entry[g] = found
	}
}

func (f *codebookFit) round4(entry []int32, exact, keep []bool, inverse, scale float32) {
	var at [8]float32
	for l := range at {
		at[l] = scale * float32(2*l+1)
	}
	for g := range entry {
		if keep[g] {
			continue
		}
		x := (*[4]float32)(f.x[4*g:])
		code := int32(0)
		for k := 3; k >= 0; k-- {
			code = code<<3 | oddLevel(inverse, x[k], 7)
		}
		found := f.book.lookup[code]
		exact[g] = found >= 0
		if found < 0 {
			found = f.book.nearOf(found).least4(x, (*[4]float32)(f.root[4*g:]), &at)
		}
		entry[g] = found
	}
}

// oddLevel is the level 0..top for which 2*level + 1 is nearest to inverse*v.
func oddLevel(inverse, v float32, top int32) int32 {
	return max(0, min(top, nearest(0.5*(float32(inverse*v)-1))))
}

// sums returns the sums of w*x*q and w*q^2 with q = 2*level + 1 of the groups' entries.
func (f *codebookFit) sums(entry []int32) (s fitSums) {
	dim, shift := f.book.dim, f.book.shift
	mask := uint16(1)<<shift - 1
	for g, p := range entry {
		x, w := f.x[g*dim:(g+1)*dim], f.w[g*dim:(g+1)*dim]
		levels := f.book.entries[p]
		for i, v := range x {
			q := float32(2*int32(levels&mask) + 1)
			levels >>= shift
			s.xq += float32(float32(w[i]*v) * q)
			s.q2 += float32(float32(w[i]*q) * q)
		}
	}
	return s
}

// oddScale is the level s of a sub-block's scale, x ~ d * (2s + 1), from 0 to top.
func oddScale(inverse, scale float32, top int32) uint8 { return uint8(oddLevel(inverse, scale, top)) }

// roots takes the square roots of the first n weights.
func (f *codebookFit) roots(n int) {
	for i, w := range f.w[:n] {
		f.root[i] = sqrt32(w)
	}
}
