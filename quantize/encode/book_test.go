package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/formats"
)

// Near entries are those of the least distances, and their packed levels are worth what their values are.
func TestBookNear(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 0))
	for typ := range formats.Type(64) {
		g := GridOf(typ)
		if g == nil || g.Book == nil {
			continue
		}
		b := g.Book
		values, worth, dim := b.Values(), b.Worth(), b.Dim
		for range 50 {
			x := make([]float32, dim)
			for k := range x {
				x[k] = worth[rng.IntN(len(worth))]
			}
			distance := func(entry int) (sum float32) {
				for k, v := range x {
					d := v - float32(values[entry*dim+k])
					sum += d * d
				}
				return sum
			}
			order := make([]int, len(values)/dim)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return int(distance(a) - distance(b)) })
			for i, p := range b.NearTo(x) {
				if int(p>>16) != order[i] {
					t.Fatalf("%v: entry %d near %v is %d, want %d", typ, i, x, p>>16, order[i])
				}
				for k := range dim {
					level := p >> (16 / dim * k) & (1<<(16/dim) - 1)
					if v := float32(values[order[i]*dim+k]); worth[level] != v {
						t.Fatalf("%v: level %d of entry %d is worth %g, want %g", typ, k, order[i], worth[level], v)
					}
				}
			}
		}
	}
}
