package encode

import (
	"math"
	"testing"

	"bitmill/formats/block"
)

// TestNearestFloat4 compares with the definition around every level and middle, for scales of both types.
func TestNearestFloat4(t *testing.T) {
	var scales []float32
	for s := range 256 {
		scales = append(scales, block.FromE8M0Half(uint8(s)), block.FromUE4M3Half(uint8(s)))
	}
	for _, d := range scales {
		for half := -34; half <= 34; half++ {
			at := float32(half) / 2 * d
			for _, x := range []float32{at, math.Nextafter32(at, 3e38), math.Nextafter32(at, -3e38), at + d/7} {
				if got, want := nearestFloat4(x, d), firstNearestFloat4(x, d); got != want {
					t.Fatalf("%g in steps of %g: level %d, want %d", x, d, got, want)
				}
			}
		}
	}
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 3e38, 1e-45} {
		if got, want := nearestFloat4(x, 1), firstNearestFloat4(x, 1); got != want {
			t.Errorf("%g: level %d, want %d", x, got, want)
		}
	}
}

// TestE8M0 compares with the definition, the logarithm rounded to float32, below every power of two, where it may round
// up, and above.
func TestE8M0(t *testing.T) {
	for e := uint32(0); e < 255; e++ {
		for k := range uint32(4000) {
			v := math.Float32frombits(uint32(max(1, int32(e<<23)+1000-int32(k))))
			if got, want := e8m0(v), uint8(int32(math.Floor(float64(float32(math.Log2(float64(v))))))-2+127); got != want {
				t.Fatalf("%x: %d, want %d", math.Float32bits(v), got, want)
			}
		}
	}
}
