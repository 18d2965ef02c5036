package feedback

import (
	"bitmill/quantize/encode"
)

// candidate is a choice of the scales of a sub-block: value = scale*level - low.
type candidate struct {
	scale, low float32
	s, t       int32
	d, dmin    float32
}

// candidates lists the scales near those of sub-block b of a row: up to ws steps of s and wt of t away, nearest first.
// Without s, steps are parts of d.
func (b *rowBlock) candidates(x *encode.Levels, sub, ws, wt int) []candidate {
	list := b.cands[:0]
	g := b.g
	super := sub * g.Sub / g.Super
	d, dmin := x.D[super], x.DMin[super]
	if g.TTop == 0 {
		wt = 0
	}
	for k := range 2*ws + 1 {
		ds := zigzag(k)
		c := candidate{s: x.S[sub] + ds, d: d}
		if g.SLow == 1 && g.STop == 1 {
			c.s, c.d = 1, encode.Half(d*(1+float32(ds)/float32(4*max(g.Top, 8))))
			if ds != 0 && c.d == d {
				continue
			}
		}
		if c.s < g.SLow || c.s > g.STop {
			continue
		}
		c.scale = c.d * g.Scale(c.s)
		for l := range 2*wt + 1 {
			c.t, c.dmin = x.T[sub]+zigzag(l), dmin
			if g.TTop == 1 {
				c.t, c.dmin = 1, encode.Half(dmin+float32(zigzag(l))*c.d/4)
			}
			if c.t < 0 || c.t > g.TTop {
				continue
			}
			c.low = c.dmin * float32(c.t)
			list = append(list, c)
		}
	}
	b.cands = list
	return list
}

// zigzag is 0, 1, -1, 2, -2 and so on.
func zigzag(k int) int32 {
	if k%2 == 1 {
		return int32(k+1) / 2
	}
	return -int32(k) / 2
}

// take stores a candidate.
func (b *rowBlock) take(x *encode.Levels, sub int, c candidate) {
	super := sub * b.g.Sub / b.g.Super
	x.S[sub], x.T[sub], x.D[super], x.DMin[super] = c.s, c.t, c.d, c.dmin
}
