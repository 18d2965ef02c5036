package encode

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"bitmill/formats/block"
	"bitmill/formats/checkpoint/checkpointtest"
)

// awkwardCols is the length of the rows that awkwardRows makes: two super-blocks.
const awkwardCols = 512

// awkwardRows are rows that lead the searches into their corners. Each value is a function of the row, its index and
// a uniform u in [-1, 1).
func awkwardRows() []float32 {
	rows := []func(i int, u float32) float32{
		func(i int, u float32) float32 { return u },
		func(i int, u float32) float32 { return float32(math.Round(float64(u) * 20)) },   // ties
		func(i int, u float32) float32 { return float32(math.Round(float64(u)*20)) / 2 }, // ties
		func(i int, u float32) float32 { return 1.5 + u },                                // positive: the minimum is 0
		func(i int, u float32) float32 { return -1.5 + u },                               // negative
		func(i int, u float32) float32 { return 0 },                                      // zeros
		func(i int, u float32) float32 { return 0.3 },                                    // constant
		func(i int, u float32) float32 { return -0.3 },                                   // constant
		func(i int, u float32) float32 { return float32(math.Copysign(1, float64(u))) },  // two values
		func(i int, u float32) float32 { return u * float32(i/64%2) },                    // empty sub-blocks
		func(i int, u float32) float32 { return u * float32(math.Ldexp(1, -i%40)) },      // columns of all sizes
		func(i int, u float32) float32 { return u * float32(math.Ldexp(1, i/16%60-40)) },
		func(i int, u float32) float32 { return u * float32(math.Ldexp(1, i/32%250-125)) }, // scales beyond 16 bits
		func(i int, u float32) float32 { // few, far outliers
			if i%61 == 7 {
				return 100 * u
			}
			return u / 100
		},
		func(i int, u float32) float32 { return -1 + float32(u*1e-6) }, // a range of few units in the last place
		func(i int, u float32) float32 { return 1 + float32(u*1e-7) },  //
		func(i int, u float32) float32 { return u * 1e-13 },            // around the limit below which all counts as zero
		func(i int, u float32) float32 { return u * 1e-15 },            //
		func(i int, u float32) float32 { return u * 1e-20 },            // squares are subnormal
		func(i int, u float32) float32 { return u * 3e-38 },            // inverse steps overflow: rounding wraps around
		func(i int, u float32) float32 { return u * 1e-39 },            //
		func(i int, u float32) float32 { return -1e-40 },               //
		func(i int, u float32) float32 { return u * 1e6 },              // beyond what 16-bit scales hold
		func(i int, u float32) float32 { return u * 1e19 },             // squares overflow
		func(i int, u float32) float32 { return u * 3e38 },             // ranges overflow
	}
	var src []float32
	for r, f := range rows {
		for i, u := range checkpointtest.Uniform(fmt.Sprintf("awkward %d", r), awkwardCols) {
			src = append(src, f(i, u))
		}
	}
	return src
}

// awkwardImportance are importances by name.
func awkwardImportance() map[string][]float32 {
	all := map[string][]float32{"none": nil}
	for name, f := range map[string]func(i int, u float32) float32{
		"ones":   func(i int, u float32) float32 { return 1 },
		"uneven": func(i int, u float32) float32 { return float32(math.Ldexp(1+float64(u)/2, i*7%11-5)) },
		"gaps":   func(i int, u float32) float32 { return max(0, u) * float32(i/32%3) },
		"zeros":  func(i int, u float32) float32 { return 0 },
		"wild":   func(i int, u float32) float32 { return float32(math.Ldexp(1, int(u*90))) },
	} {
		w := checkpointtest.Uniform("importance "+name, awkwardCols)
		for i, u := range w {
			w[i] = f(i, u)
		}
		all[name] = w
	}
	return all
}

// TestAwkward compares with hashes in testdata/awkward.json: of the bytes that ggml_quantize_chunk of llama.cpp
// (2026, x86-64, built without -march) wrote for these rows, per type and importance. With a codebook ggml stops at the
// last two rows, whose squares overflow: there the hashes are of the rows before them.
func TestAwkward(t *testing.T) {
	data, err := os.ReadFile("testdata/awkward.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	src := awkwardRows()
	compared := 0
	for name, importance := range awkwardImportance() {
		for i := range encoders {
			typ := encoders[i].typ
			if importance == nil && encoders[i].use == required {
				continue
			}
			rows := src
			if block.CodebookOf(typ) != nil {
				rows = src[:len(src)-2*awkwardCols]
			}
			size, _ := typ.RowBytes(int64(len(rows)))
			dst := make([]byte, size)
			if err := Encode(typ, dst, rows, awkwardCols, importance); err != nil {
				t.Fatal(err)
			}
			h, ok := want[typ.String()+" "+name]
			if !ok {
				continue
			}
			compared++
			for set, data := range encodedBy(t, typ, rows, awkwardCols, importance) {
				if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != h {
					t.Errorf("%s, importance %s: %s writes other bytes than ggml", typ, name, set)
				}
			}
		}
	}
	if compared != len(want) || compared == 0 {
		t.Errorf("compared %d of %d hashes", compared, len(want))
	}
}
