package encode

import (
	"fmt"
	"math"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/cpu"
)

// The largest numbers of F16 and of what rounds to it.
const largestF16, roundsToF16 = 65504, 65520

// ranges are the largest values of the types: the largest scale times the largest level, and for k-quants times the
// largest scale of a sub-block. exact types derive the scale from the largest value alone (without importance), so that
// just above the largest value it becomes infinite; a search may end at another scale.
var ranges = map[formats.Type]struct {
	levels float64
	exact  bool
}{
	formats.F16: {1, true}, formats.TQ1_0: {1, true}, formats.TQ2_0: {1, true}, formats.Q2_0: {1, true},
	formats.Q4_0: {8, true}, formats.Q5_0: {16, true}, formats.Q8_0: {127, true},
	formats.Q4_1: {15, true}, formats.Q5_1: {31, true}, // beside values >= 0, so that m is 0
	formats.Q1_0: {128, true}, // d is the mean of the 128 magnitudes, here of one value
	formats.Q2_K: {15 * 3, false}, formats.Q3_K: {32 * 4, false}, formats.Q4_K: {63 * 15, false},
	formats.Q5_K: {63 * 31, false}, formats.Q6_K: {128 * 32, false},
	formats.IQ4_NL: {127, false}, formats.IQ4_XS: {32 * 127, false},
	formats.IQ2_XXS: {15.5 * 43 / 4, false}, formats.IQ2_XS: {15.5 * 43 / 4, false}, formats.IQ2_S: {15.5 * 43 / 4, false},
	formats.IQ3_XXS: {15.5 * 62 / 2, false}, formats.IQ3_S: {31 * 15, false},
	formats.IQ1_S: {15 * 1.125, false}, formats.IQ1_M: {15 * 1.125, false},
}

// limitOf is the largest value of a type, and the first that it surely does not hold.
func limitOf(t formats.Type) (most, beyond float64, ok bool) {
	switch t {
	case formats.F32:
		return math.MaxFloat32, math.Inf(1), true
	case formats.BF16:
		return 0x1.fep127, 0x1.ffp127, true // halfway to the next power of two
	case formats.MXFP4:
		return 6 * 0x1p125, math.Inf(1), true
	case formats.NVFP4:
		return 6 * 448, 6 * 448 * (1 + 0x1p-23), true
	}
	r, ok := ranges[t]
	most, beyond = r.levels*largestF16, r.levels*roundsToF16
	if !r.exact {
		beyond *= 2
	}
	return most, beyond, ok
}

// TestLargestValue: every type holds values up to its largest, and says so of each that is larger, also where the sums
// of its search overflow.
func TestLargestValue(t *testing.T) {
	ones := make([]float32, 256)
	for i := range ones {
		ones[i] = 1
	}
	for i := range encoders {
		typ, use := encoders[i].typ, encoders[i].use
		most, beyond, ok := limitOf(typ)
		if !ok {
			t.Errorf("%s has no row", typ)
			continue
		}
		for name, importance := range map[string][]float32{"plain": nil, "importance": ones} {
			if importance == nil && use == required || importance != nil && use == unused {
				continue
			}
			if importance == nil && typ == formats.IQ1_M {
				continue // without importance its search ends at scales of all sizes
			}
			for _, set := range cpu.Available() {
				t.Run(fmt.Sprintf("%s/%s/%s", typ, name, set), func(t *testing.T) {
					t.Setenv(cpu.Env, set)
					checkLargest(t, typ, importance, most, beyond)
				})
			}
		}
	}
}

func checkLargest(t *testing.T, typ formats.Type, importance []float32, most, beyond float64) {
	_, of1 := encodeOne(t, typ, importance, 1) // large where the codebook has no such row of values
	below := []float64{most / 100, most * 0.7}
	if r, searched := ranges[typ]; importance == nil && (r.exact || !searched) {
		below = append(below, most)
	} else if r.exact {
		beyond *= 1.2 // with importance, a search that may end at another level
	}
	for _, v := range below {
		if lost, rel := encodeOne(t, typ, importance, float32(v)); lost || rel > of1+0.25 {
			t.Errorf("%v, up to %v: lost %v, relative error %v, of 1 %v", v, most, lost, rel, of1)
		}
	}
	for v := beyond; v <= math.MaxFloat32; v *= 1.1892 {
		if lost, rel := encodeOne(t, typ, importance, float32(v)); !lost {
			t.Fatalf("%v, beyond %v, counts as held with a relative error of %v", float32(v), beyond, rel)
		}
	}
}

// encodeOne encodes a value among zeros, and returns whether the block is out of range, and the value's relative error.
func encodeOne(t *testing.T, typ formats.Type, importance []float32, v float32) (lost bool, rel float64) {
	t.Helper()
	const at = 39
	src, back := make([]float32, 256), make([]float32, 256)
	src[at] = v
	size, err := typ.RowBytes(256)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, size)
	if err := Encode(typ, dst, src, 256, importance); err != nil {
		t.Fatal(err)
	}
	if got := Magnitude(src); got != v {
		t.Fatalf("magnitude %v, want %v", got, v)
	}
	if n := OutOfRange(typ, dst, src, v); n >= 0 {
		if n != at/typ.BlockLen() {
			t.Errorf("%v: block %d is out of range, want that of value %d", v, n, at)
		}
		return true, 0
	}
	if err := block.Decode(typ, back, dst); err != nil {
		t.Fatal(err)
	}
	if typ == formats.Q1_0 { // one value in 128 has that share of its size: all that one bit can say
		back[at] *= 128
	}
	return false, math.Abs(float64(back[at]-v)) / float64(v)
}

// TestMagnitude: signs, odd lengths and numbers that are not finite, on every instruction set.
func TestMagnitude(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, set := range cpu.Available() {
		t.Setenv(cpu.Env, set)
		for _, n := range []int{1, 31, 32, 33, 64, 100} {
			x := make([]float32, n)
			for at := range x {
				for _, v := range []float32{-2, 3, 1e-40, inf, nan} {
					x[at] = v
					got := Magnitude(x)
					if want := float32(math.Abs(float64(v))); got != want && (got == got || want == want) {
						t.Errorf("%s: %v at %d of %d: %v", set, v, at, n, got)
					}
				}
				x[at] = 0
			}
		}
	}
	if got := Magnitude(nil); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
