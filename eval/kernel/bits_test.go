package kernel

import (
	"fmt"
	"math"
	"testing"

	"bitmill/formats"
)

// TestBits: many tokens are multiplied to the same bits by every set; with a fixed one, few are as well.
func TestBits(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			unit := typ.BlockLen()
			for _, cols := range []int{max(unit, 32), 256, 1280} {
				if cols%unit != 0 || cols > fewer(s, 12800) {
					continue
				}
				rng := random(uint64(cols))
				w := randomMatrix(rng, typ, 19, cols)
				for _, n := range []int{1, 3, 4, 7, 8, 9, 13} {
					x := randomFloats(rng, n*cols)
					b := loaded(t, s, typ, x, n, cols)
					want := multiplied(t, generic, w, b, 0, 19, nil)
					what := fmt.Sprint(s.Name, " ", typ, ", ", cols, " columns, ", n, " tokens")
					sameBits(t, what, multiplied(t, s.Fixed(), w, b, 0, 19, nil), want)
					if n > rowTokens && typ != formats.BF16 {
						sameBits(t, what+", not fixed", multiplied(t, s, w, b, 0, 19, nil), want)
					}
					if repackLayoutOf(typ) != nil {
						sameBits(t, what+", repacked", multiplied(t, s.Fixed(), repacked(t, w), b, 0, 19, nil), want)
					}
					exact := new(Activations)
					if err := s.Load(exact, FormF32, x, n, cols); err != nil {
						t.Fatal(err)
					}
					sameBits(t, what+", exact", multiplied(t, s.Fixed(), w, exact, 0, 19, nil),
						multiplied(t, generic, w, exact, 0, 19, nil))
				}
			}
		}
	}
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: product %d is %g, generic %g", what, i, got[i], v)
		}
	}
}
