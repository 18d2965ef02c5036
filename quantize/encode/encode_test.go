package encode

import (
	"bytes"
	"errors"
	"math"
	"os/exec"
	"regexp"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/checkpointtest"
)

// encoded is Encode into new bytes.
func encoded(t *testing.T, typ formats.Type, src []float32, cols int, importance []float32) []byte {
	t.Helper()
	size, err := typ.RowBytes(int64(len(src)))
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, size)
	if err := Encode(typ, dst, src, cols, importance); err != nil {
		t.Fatal(err)
	}
	return dst
}

// TestErrorBounds encodes and decodes uniform values in [-1, 1). The root mean square error must stay below that of
// rounding to steps evenly spread over the range, plus what the coarse scales and the type's own limits add.
func TestErrorBounds(t *testing.T) {
	const cols = 512
	src := checkpointtest.Uniform("error bounds", 64*cols)
	importance := make([]float32, cols)
	for i := range importance {
		importance[i] = 1
	}
	for typ, levels := range map[formats.Type]float64{
		formats.Q8_0: 255, formats.Q4_0: 16, formats.Q4_1: 16, formats.Q5_0: 32, formats.Q5_1: 32,
		formats.Q2_K: 4, formats.Q3_K: 8, formats.Q4_K: 16, formats.Q5_K: 32, formats.Q6_K: 64,
		formats.IQ4_NL: 16, formats.IQ4_XS: 16,
	} {
		even := 2 / levels / math.Sqrt(12) // root mean square of rounding errors for steps of 2/levels
		for name, imp := range map[string][]float32{"plain": nil, "importance": importance} {
			got := make([]float32, len(src))
			if err := block.Decode(typ, got, encoded(t, typ, src, cols, imp)); err != nil {
				t.Fatal(err)
			}
			var sum float64
			for i, v := range got {
				sum += math.Pow(float64(v-src[i]), 2)
			}
			rms := math.Sqrt(sum / float64(len(src)))
			if rms > 1.35*even || rms < 0.5*even {
				t.Errorf("%s, %s: error %.4g, %.2f times that of even steps", typ, name, rms, rms/even)
			}
		}
	}
	for typ, bound := range map[formats.Type]float64{formats.F32: 0, formats.F16: 0x1p-11, formats.BF16: 0x1p-8} {
		got := make([]float32, len(src))
		if err := block.Decode(typ, got, encoded(t, typ, src, cols, nil)); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if math.Abs(float64(v-src[i])) > bound*math.Abs(float64(src[i]))+0x1p-25 && (bound > 0 || v != src[i]) {
				t.Fatalf("%s: %g becomes %g", typ, src[i], v)
			}
		}
	}
}

// TestImportance: where a few columns count a thousand times more, their error falls.
func TestImportance(t *testing.T) {
	const cols = 512
	src := checkpointtest.Uniform("importance", 32*cols)
	importance := make([]float32, cols)
	for i := range importance {
		importance[i] = 1
		if i%8 == 3 {
			importance[i] = 1000
		}
	}
	for i := range encoders {
		typ := encoders[i].typ
		if encoders[i].use == required {
			continue
		}
		plain, weighted := encoded(t, typ, src, cols, nil), encoded(t, typ, src, cols, importance)
		if encoders[i].use == unused {
			if !bytes.Equal(plain, weighted) {
				t.Errorf("%s: importance changes the bytes", typ)
			}
			continue
		}
		a, b := make([]float32, len(src)), make([]float32, len(src))
		if err := errors.Join(block.Decode(typ, a, plain), block.Decode(typ, b, weighted)); err != nil {
			t.Fatal(err)
		}
		var before, after float64
		for i := range src {
			w := float64(importance[i%cols])
			before += w * math.Pow(float64(a[i]-src[i]), 2)
			after += w * math.Pow(float64(b[i]-src[i]), 2)
		}
		if after > 0.9*before {
			t.Errorf("%s: weighted error %.4g with importance, %.4g without", typ, after, before)
		}
	}
}

// TestRowsApart: a row's bytes depend on that row only.
func TestRowsApart(t *testing.T) {
	const cols, rows = 512, 3
	src := checkpointtest.Uniform("rows apart", rows*cols)
	importance := awkwardImportance()["uneven"]
	for i := range encoders {
		typ := encoders[i].typ
		for _, imp := range [][]float32{nil, importance} {
			if imp == nil && encoders[i].use == required {
				continue
			}
			all := encoded(t, typ, src, cols, imp)
			var apart []byte
			for r := range rows {
				apart = append(apart, encoded(t, typ, src[r*cols:(r+1)*cols], cols, imp)...)
			}
			if !bytes.Equal(all, apart) {
				t.Errorf("%s: rows together and apart differ", typ)
			}
		}
	}
}

// TestNotFinite: NaN, Inf and extremes anywhere must not panic, in values or in the importance.
func TestNotFinite(t *testing.T) {
	const cols = 512
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range []float32{nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32} {
		src := checkpointtest.Uniform("not finite", 4*cols)
		importance := awkwardImportance()["uneven"]
		for i := range src {
			if i < cols || i%(5+i/cols*9) == 0 { // a whole row, then fewer and fewer
				src[i] = bad
			}
		}
		for i := range encoders {
			typ := encoders[i].typ
			if encoders[i].use != required {
				encoded(t, typ, src, cols, nil)
			}
			encoded(t, typ, src, cols, importance)
			importance[7], importance[300] = bad, bad
			encoded(t, typ, src, cols, importance)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, tt := range []struct {
		name        string
		typ         formats.Type
		dst, src    int
		cols, imp   int
		unsupported bool
	}{
		{"dst too short", formats.Q4_K, 143, 256, 256, -1, false},
		{"dst too long", formats.Q4_K, 145, 256, 256, -1, false},
		{"part of a row", formats.Q4_K, 144, 384, 256, -1, false},
		{"no columns", formats.Q4_K, 0, 0, 0, -1, false},
		{"negative columns", formats.Q4_K, 0, 256, -256, -1, false},
		{"row is not whole blocks", formats.Q4_K, 72, 128, 128, -1, true},
		{"importance too short", formats.Q4_K, 144, 256, 256, 255, false},
		{"importance empty", formats.Q4_K, 144, 256, 256, 0, false},
		{"importance for all rows", formats.Q8_0, 68, 64, 32, 64, false},
		{"no encoder", formats.Q8_K, 292, 256, 256, -1, true},
		{"unknown type", formats.Type(99), 0, 256, 256, -1, true},
	} {
		var imp []float32
		if tt.imp >= 0 {
			imp = make([]float32, tt.imp)
		}
		err := Encode(tt.typ, make([]byte, tt.dst), make([]float32, tt.src), tt.cols, imp)
		if err == nil || errors.Is(err, formats.ErrUnsupported) != tt.unsupported {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	if err := Encode(formats.Q4_K, nil, nil, 256, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

// FuzzEncode encodes any bits as values and as importance: no panic, and the last row does not depend on the first.
func FuzzEncode(f *testing.F) {
	f.Add(uint8(9), true, []byte("bits of a few values"))
	f.Add(uint8(2), false, bytes.Repeat([]byte{0xff, 0xff, 0x7f, 0x7f, 1, 0, 0, 0, 0, 0, 0xc0, 0x7f}, 99))
	f.Fuzz(func(t *testing.T, which uint8, weighted bool, bits []byte) {
		const cols = 256
		typ := encoders[int(which)%len(encoders)].typ
		src := make([]float32, 2*cols)
		if err := block.Decode(formats.F32, src[:min(len(src), len(bits)/4)], bits[:4*min(len(src), len(bits)/4)]); err != nil {
			t.Fatal(err)
		}
		var importance []float32
		if weighted || NeedsImportance(typ) {
			importance = src[100 : 100+cols]
		}
		all := encoded(t, typ, src, cols, importance)
		if last := encoded(t, typ, src[cols:], cols, importance); !bytes.Equal(all[len(last):], last) {
			t.Fatalf("%s: the last row depends on the first", typ)
		}
	})
}

// TestRoundHalfAway compares with the definition at every quarter, eighth and their neighbours.
func TestRoundHalfAway(t *testing.T) {
	for i := -1 << 11; i <= 1<<11; i++ {
		at := float32(i) / 8
		for _, v := range []float32{at, math.Nextafter32(at, 1e9), math.Nextafter32(at, -1e9)} {
			if got, want := roundHalfAway(v), math.Round(float64(v)); float64(got) != want {
				t.Fatalf("roundHalfAway(%g) = %d, want %g", v, got, want)
			}
			if got, want := nearest(v), math.RoundToEven(float64(v)); float64(got) != want {
				t.Fatalf("nearest(%g) = %d, want %g", v, got, want)
			}
			if got, want := level(v, -9, 40), max(-9, min(40, math.RoundToEven(float64(v)))); float64(got) != want {
				t.Fatalf("level(%g) = %g, want %g", v, got, want)
			}
		}
	}
	for _, v := range []float32{1e30, -1e30, 3e9, float32(math.Inf(1)), float32(math.NaN()), 1 << 22, 6e6, 8e6, 1e7} {
		if got, want := level(v, -9, 40), float32(max(-9, min(40, nearest(v)))); got != want {
			t.Errorf("level(%g) = %g, nearest says %g", v, got, want)
		}
		if got := truncate(v); (v < 0 || v != v || v > math.MaxInt32) && got != math.MinInt32 {
			t.Errorf("truncate(%g) = %d", v, got)
		}
	}
}

// TestNoFusing compiles this package and block for arm64, where Go fuses x*y+z unless the product is converted, and
// looks for fused instructions: with one, bytes would differ between machines.
func TestNoFusing(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another architecture")
	}
	cmd := exec.Command("go", "build", "-gcflags=-S", "bitmill/quantize/encode", "bitmill/formats/block")
	cmd.Env = append(cmd.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	listing, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, listing[:min(len(listing), 2000)])
	}
	if !bytes.Contains(listing, []byte("FMULS")) {
		t.Fatal("the listing shows no arithmetic")
	}
	if found := regexp.MustCompile(`.*\sFN?M(ADD|SUB)[SD]\s.*`).FindAll(listing, -1); found != nil {
		t.Errorf("fused instructions:\n%s", bytes.Join(found, []byte("\n")))
	}
}
