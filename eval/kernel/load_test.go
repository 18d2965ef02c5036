package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestLoadEqual: activations become the same bits in every set, odd values included.
func TestLoadEqual(t *testing.T) {
	for _, s := range others() {
		for form := range formCount {
			for _, cols := range []int{256, 352, 512, 1280} {
				if cols%form.blockLen() != 0 {
					continue
				}
				rng := random(uint64(cols))
				const n = 40
				x := randomFloats(rng, n*cols)
				inf := float32(math.Inf(1))
				odd := []float32{inf, -inf, float32(math.NaN()), 1e-45, -3e-39, 3e38, 65504, 1e-20}
				for i, v := range odd {
					x[i*cols+17*i] = v // among ordinary values
					clear(x[(i+8)*cols : (i+9)*cols])
					x[(i+8)*cols+17*i] = v // among zeros
				}
				for i := range 16 * cols { // ties: halves, and equal magnitudes of both signs
					x[20*cols+i] = float32(i%255-127) / 2 * 0.25
				}
				var want, got Activations
				if err := generic.Load(&want, form, x, n, cols); err != nil {
					t.Fatal(err)
				}
				if err := got.Reset(form, n, cols); err != nil {
					t.Fatal(err)
				}
				for _, cut := range [][2]int{{0, 3}, {3, 17}, {17, n}} { // whole token blocks and parts of some
					if err := s.LoadRows(&got, x, cut[0], cut[1]); err != nil {
						t.Fatal(err)
					}
				}
				if form.float() {
					for tok := range n {
						same(t, "f32", got.f32[tok*got.stride:], want.f32[tok*want.stride:][:cols])
					}
					if !slices.Equal(got.bf16, want.bf16) {
						t.Fatalf("%s: halves of %s differ", s.Name, form)
					}
					continue
				}
				same(t, "d", got.d[:n*cols/form.blockLen()], want.d)
				if !slices.Equal(got.tokenBlocks, want.tokenBlocks) {
					t.Fatalf("%s: token blocks of %s differ", s.Name, form)
				}
				same(t, "s", got.s, want.s)
				for tok := range n {
					for k := range cols {
						if a, b := got.codes[tok*got.stride+k], want.codes[tok*want.stride+k]; a != b {
							t.Fatalf("%s %s token %d code %d: %d, not %d (from %g)", s.Name, form, tok, k, a, b,
								x[tok*cols+k])
						}
					}
					if len(want.int16s) > 0 && !slices.Equal(got.int16s[tok*got.stride:][:cols],
						want.int16s[tok*want.stride:][:cols]) {
						t.Fatalf("%s %s token %d: words differ", s.Name, form, tok)
					}
					for i := range cols / 16 {
						if a, b := got.sums16[tok*cols/16+i], want.sums16[tok*cols/16+i]; a != b {
							t.Fatalf("%s %s token %d sum %d: %d, not %d", s.Name, form, tok, i, a, b)
						}
					}
					for i := range len(want.sums32) / n {
						if a, b := got.sums32[tok*cols/32+i], want.sums32[tok*cols/32+i]; a != b {
							t.Fatalf("%s %s token %d double sum %d: %d, not %d", s.Name, form, tok, i, a, b)
						}
					}
				}
			}
		}
	}
}

// TestRoundBF16: all sets round alike, slices of any length.
func TestRoundBF16(t *testing.T) {
	for _, s := range others() {
		for n := range 70 {
			x := randomFloats(random(uint64(n)), n+1)
			want := slices.Clone(x)
			generic.RoundBF16(want[:n])
			if s.RoundBF16(x[:n]); !slices.Equal(x, want) {
				t.Fatalf("%s: %g, not %g", s.Name, x, want)
			}
		}
	}
}

func same(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("%s[%d]: %g, not %g", name, i, got[i], want[i])
		}
	}
}
