package block

import (
	"math"
	"testing"

	"bitmill/formats"
)

// Random blocks: NotFinite must name the first block that Decode turns into something that is no number.
func TestNotFinite(t *testing.T) {
	const blocks = 64
	state := uint64(1)
	for _, info := range formats.Types() {
		if !Known(info.Type) {
			continue
		}
		src := make([]byte, blocks*info.Bytes)
		values := make([]float32, blocks*info.Block)
		found := 0
		for range 200 {
			for i := range src {
				state = state*6364136223846793005 + 1442695040888963407
				src[i] = byte(state >> 56)
			}
			if err := Decode(info.Type, values, src); err != nil {
				t.Fatal(err)
			}
			want := -1
			for i, v := range values {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					want = i / info.Block
					break
				}
			}
			if got := NotFinite(info.Type, src); got != want {
				t.Fatalf("%s: block %d, want %d", info.Name, got, want)
			}
			if want >= 0 {
				found++
			}
		}
		if found == 0 && info.Type != formats.NVFP4 { // its scales are all finite
			t.Errorf("%s: no case with a block out of range", info.Name)
		}
	}
}
