package feedback

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/cpu"
	"bitmill/quantize/encode"
)

// awkward are numbers that lead rounding into its corners.
var awkward = []float32{0, float32(math.Copysign(0, -1)), 0.5, -1.5, 2.5, math.SmallestNonzeroFloat32, -0x1p-126, 0x1p40,
	math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// trial is a block with random values, scales and root; of 64 numbers about odd are awkward.
func trial(rng *rand.Rand, g *encode.Grid, odd int) (b *rowBlock, y, root []float32) {
	number := func(size float64) float32 {
		if rng.IntN(64) < odd {
			return awkward[rng.IntN(len(awkward))]
		}
		return float32(rng.NormFloat64() * size)
	}
	b = &rowBlock{Solver: &Solver{sub: g.Sub}, g: g}
	if g.Book != nil {
		b.tables = tablesOf(g.Book)
	}
	root, y = make([]float32, g.Sub*g.Sub), make([]float32, g.Sub*blockRows)
	for i := range g.Sub {
		for j := range g.Sub {
			root[i*g.Sub+j] = number(0.3)
		}
		root[i*g.Sub+i] = float32(math.Abs(float64(number(1))))
	}
	for i := range y {
		y[i] = number(float64(max(g.Top, 8)) / 2)
	}
	b.list.count = 2 * (1 + rng.IntN(20))
	for i := range b.list.count * blockRows {
		b.list.scale[i], b.list.low[i] = number(1), number(1)
		if rng.IntN(16) == 0 {
			b.list.scale[i] = 0
		}
	}
	return b, y, root
}

func same(a, b []float32) int {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) && (v == v || b[i] == b[i]) {
			return i
		}
	}
	return -1
}

// Every set finds the same candidates, levels and errors as plain Go.
func TestLanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	for typ := range formats.Type(64) {
		g := encode.GridOf(typ)
		if g == nil {
			continue
		}
		for trials := range 40 {
			b, y, root := trial(rng, g, max(0, trials-20)/8)
			loss, number := vector{}, vector{}
			for r := range loss {
				loss[r], number[r] = float32(rng.ExpFloat64()*float64(g.Sub)), -1
				if rng.IntN(2) > 0 {
					loss[r] = float32(math.Inf(1))
				}
			}
			scale, low := *at(b.list.scale[:], 1), *at(b.list.low[:], 1)
			wantLoss, wantNumber := loss, number
			b.bestGeneric(&wantLoss, &wantNumber, y, root)
			b.roundGeneric(y, root, &scale, &low)
			want := b.now
			for _, l := range nativeLanes {
				if !slices.Contains(cpu.Available(), l.name) {
					continue
				}
				b.lanes, b.now = l, rounded{}
				gotLoss, gotNumber := loss, number
				b.best(&gotLoss, &gotNumber, y, root)
				b.round(y, root, &scale, &low)
				if i := same(gotLoss[:], wantLoss[:]); i >= 0 || gotNumber != wantNumber {
					t.Fatalf("%s, %v, trial %d: candidates %v with %v, want %v with %v", l.name, typ, trials, gotNumber, gotLoss,
						wantNumber, wantLoss)
				}
				for i, lists := range [][2][]float32{{b.now.level[:], want.level[:]}, {b.now.move[:], want.move[:]}} {
					if at := same(lists[0], lists[1]); at >= 0 {
						t.Fatalf("%s, %v, trial %d: list %d has %g at column %d, row %d, want %g", l.name, typ, trials, i,
							lists[0][at], at/blockRows, at%blockRows, lists[1][at])
					}
				}
				if b.now.entry != want.entry {
					t.Fatalf("%s, %v, trial %d: other entries: %v, want %v", l.name, typ, trials, b.now.entry[:80], want.entry[:80])
				}
			}
		}
	}
}

// The lanes of the fastest set are those that a solver uses, or comparisons would compare nothing.
func TestRequireLanes(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || len(nativeLanes) == 0 {
		t.Skip("no /proc/cpuinfo or no lanes in this build; TestLanes stands in")
	}
	for _, flag := range []string{" avx2 ", " fma ", " f16c "} {
		if !strings.Contains(string(info), flag) {
			t.Skip("this CPU has no AVX2, FMA or F16C; TestLanes stands in")
		}
	}
	t.Setenv(cpu.Env, "")
	if lanesOf(kernel.Best().Name) == nil {
		t.Error("this CPU has AVX2, but no lanes are chosen")
	}
}
