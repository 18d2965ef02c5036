package encode

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"bitmill/quantize/encode/layout"
)

// TestLanesSubBlocks: rows whose sub-blocks are of all kinds, next to each other, so that lanes of one table go
// different ways: into the near entries, back to plain Go, or nowhere.
func TestLanesSubBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	heavy := func() float32 { return float32(rng.NormFloat64() / (math.Abs(rng.NormFloat64()) + 0.01)) }
	values := []func() float32{
		func() float32 { return float32(rng.NormFloat64()) },
		heavy,
		func() float32 { return 0 },
		func() float32 { return 0.25 },
		func() float32 { return float32(1 - 2*rng.IntN(2)) },
		func() float32 { return float32(rng.IntN(11) - 5) },
		func() float32 { return float32(rng.NormFloat64() * 1e-8) },
		func() float32 { return float32(rng.NormFloat64() * 1e-20) },
		func() float32 { return float32(rng.NormFloat64() * 1e-39) },
		func() float32 { return float32(rng.NormFloat64() * 1e10) },
		func() float32 { return float32(rng.NormFloat64() * 1e20) },
		func() float32 { return float32(rng.NormFloat64()) * float32(rng.IntN(2)) },
	}
	weights := []func() float32{
		func() float32 { return float32(rng.ExpFloat64()) },
		func() float32 { return float32(rng.IntN(2)) },
		func() float32 { return 0 },
		func() float32 { return heavy() * heavy() },
		func() float32 { return float32(rng.ExpFloat64() * 1e-30) },
		func() float32 { return float32(rng.ExpFloat64() * 1e30) },
	}
	const cols = batchValues + 256
	src, importance := make([]float32, cols), make([]float32, cols)
	for round := range 12 {
		for i := 0; i < cols; i += 16 {
			value, weight := values[0], weights[0]
			if rng.IntN(12) < round { // the more, the fewer are ordinary
				value, weight = values[rng.IntN(len(values))], weights[rng.IntN(len(weights))]
			}
			for k := i; k < i+16; k++ {
				src[k], importance[k] = value(), abs32(weight())
			}
		}
		compareLanes(t, fmt.Sprint("sub-blocks ", round), src, cols, nil)
		compareLanes(t, fmt.Sprint("sub-blocks with importance ", round), src, cols, importance)
	}
}

// TestLanesNearPoints compares the search for near entries with plain Go's, for groups of all kinds: with sums that are
// equal, that overflow, or that are no numbers.
func TestLanesNearPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	pick := func(v ...float32) float32 { return v[rng.IntN(len(v))] }
	for _, set := range runnableLanes() {
		for name, book := range map[string]*codebook{"IQ2_XXS": book2XXS(), "IQ2_S": book2S(), "IQ3_XXS": book3XXS(), "IQ3_S": book3S()} {
			ws := &workspace{lanes: set}
			s, size := &ws.codebook, 32
			groups := size / book.dim
			ws.placeGroups(size, book.dim)
			for round := range 20 {
				large := pick(1, 1, 1e19, math.MaxFloat32)
				for i := range s.x {
					s.x[i], s.root[i] = float32(rng.IntN(7))*large, float32(rng.IntN(3))
					if round > 9 {
						s.x[i], s.root[i] = float32(rng.NormFloat64())*large, float32(rng.ExpFloat64())
					}
					if rng.IntN(200) == 0 {
						s.root[i] = float32(math.NaN())
					}
				}
				scales := s.scale[:ws.columns]
				for c := range scales {
					scales[c] = pick(0, 0.5, 1, 2, 1e19)
				}
				var want [8 * maxColumns]int32
				near := 0
				for i := range groups * ws.columns {
					s.entry[i] = book.lookup[rng.IntN(len(book.lookup))]
					want[i] = s.entry[i]
					if s.entry[i] < 0 {
						near++
						want[i] = layout.NearMark + plainNear(book, s.entry[i], s.x[s.places[i]/4:], s.root[s.places[i]/4:], scales[i%ws.columns])
					}
				}
				ws.nearEntries(book, 0, groups, scales)
				if s.entry != want || near == 0 {
					t.Fatalf("%s, %s, round %d: other near entries than plain Go's, of %d", set.name, name, round, near)
				}
			}
		}
	}
}

func plainNear(book *codebook, found int32, x, w []float32, scale float32) int32 {
	if book.dim == 8 {
		var terms terms8
		terms.set((*[8]float32)(x), (*[8]float32)(w), &[3]float32{scale, scale * 3, scale * 5})
		return book.nearOf(found).least8(&terms)
	}
	var at [8]float32
	for l := range at {
		at[l] = scale * float32(2*l+1)
	}
	return book.nearOf(found).least4((*[4]float32)(x), (*[4]float32)(w), &at)
}

// TestExchanges: the networks sort zeros and ones, and so anything.
func TestExchanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, n := range []int{16, 32} {
		network := exchanges(nil, n, 4)
		for range 1 << 16 {
			start := rng.Uint32() >> (32 - n)
			v := start
			for i := 0; i < len(network); i += 2 {
				low, high := network[i]/4, network[i+1]/4
				if low >= high {
					t.Fatalf("exchange of %d and %d", low, high)
				}
				if v>>low&1 > v>>high&1 {
					v ^= 1<<low | 1<<high
				}
			}
			ones := bits.OnesCount32(start)
			if want := uint32((uint64(1)<<ones - 1) << (n - ones)); v != want {
				t.Fatalf("%0*b becomes %0*b", n, start, n, v)
			}
		}
	}
}
