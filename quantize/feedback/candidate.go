package feedback

import (
	"math"

	"bitmill/quantize/encode"
)

// How far from the scales at hand candidates lie, in steps of s and t. Twice as far, the search lowers the objective by
// another one or two percent, but not the divergence.
const (
	searchScales, searchLows   = 8, 4
	descentScales, descentLows = 2, 1

	maxCandidates = (2*searchScales+1)*(2*searchLows+1) + 1 // even
)

// candidates are choices of the scales of a sub-block: value = scale*level - low. Those that a row does not have are
// not numbers.
type candidates struct {
	scale, low [maxCandidates * blockRows]float32
	count      int // even
	lows       int // of each scale
}

// scaleStep is d and s of a choice near those of a sub-block. Without s, steps are parts of d.
func scaleStep(g *encode.Grid, d float32, s int32, k int) (float32, int32, bool) {
	if g.SLow == 1 && g.STop == 1 {
		next := encode.Half(d * (1 + float32(zigzag(k))/float32(4*max(g.Top, 8))))
		return next, 1, k == 0 || next != d
	}
	s += zigzag(k)
	return d, s, s >= g.SLow && s <= g.STop
}

// lowStep is the same of dmin and t; d is that of the scale.
func lowStep(g *encode.Grid, d, dmin float32, t int32, k int) (float32, int32, bool) {
	if g.TTop == 1 {
		return encode.Half(dmin + float32(zigzag(k))*d/4), 1, true
	}
	t += zigzag(k)
	return dmin, t, t >= 0 && t <= g.TTop
}

// near lists the scales near those of a sub-block: up to ws steps of s and wt of t away, nearest first.
func (b *rowBlock) near(sub, ws, wt int) {
	g, c, none := b.g, &b.list, float32(math.NaN())
	super := sub * g.Sub / g.Super
	d, dmin, s, t := at(b.d, super), at(b.dmin, super), ints(b.s, sub), ints(b.t, sub)
	if g.TTop == 0 {
		wt = 0
	}
	c.lows, c.count = 2*wt+1, 0
	for k := range 2*ws + 1 {
		var ds vector
		first := at(c.scale[:], c.count)
		for r := range first {
			step, ss, ok := scaleStep(g, d[r], s[r], k)
			if ds[r], first[r] = step, step*g.Scale(ss); !ok {
				first[r] = none
			}
		}
		for l := range c.lows {
			*at(c.scale[:], c.count) = *first
			low := at(c.low[:], c.count)
			if k > 0 && g.TTop != 1 { // the same for each scale
				*low = *at(c.low[:], l)
			} else {
				for r := range low {
					step, tt, ok := lowStep(g, ds[r], dmin[r], t[r], l)
					if low[r] = step * float32(tt); !ok {
						low[r] = none
					}
				}
			}
			c.count++
		}
	}
	if c.count%2 > 0 {
		for r := range blockRows {
			at(c.scale[:], c.count)[r] = none
		}
		c.count++
	}
}

// take stores the choice of a number from the list in the rows that have one, and returns its scales.
func (b *rowBlock) take(sub int, number *vector) (scale, low vector) {
	super := sub * b.g.Sub / b.g.Super
	for r, k := range number {
		if k < 0 {
			continue
		}
		i, at := int(k), super*blockRows+r
		scale[r], low[r] = b.list.scale[i*blockRows+r], b.list.low[i*blockRows+r]
		d, s := &b.d[at], &b.s[sub*blockRows+r]
		dmin, t := &b.dmin[at], &b.t[sub*blockRows+r]
		*d, *s, _ = scaleStep(b.g, *d, *s, i/b.list.lows)
		*dmin, *t, _ = lowStep(b.g, *d, *dmin, *t, i%b.list.lows)
	}
	return scale, low
}

// zigzag is 0, 1, -1, 2, -2 and so on.
func zigzag(k int) int32 {
	if k%2 == 1 {
		return int32(k+1) / 2
	}
	return -int32(k) / 2
}
