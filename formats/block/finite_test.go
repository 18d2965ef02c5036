package block

import (
	"bytes"
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

// One value that is no number, at every place of a row that fills no whole number of words.
func TestNotFiniteEverywhere(t *testing.T) {
	for _, c := range []struct {
		t    formats.Type
		good []byte // the largest finite value
		bad  [][]byte
	}{
		{formats.F32, []byte{0xff, 0xff, 0x7f, 0x7f}, [][]byte{{0, 0, 0x80, 0x7f}, {0, 0, 0x80, 0xff}, {1, 0, 0x80, 0x7f}}},
		{formats.F16, []byte{0xff, 0x7b}, [][]byte{{0, 0x7c}, {0, 0xfc}, {1, 0x7e}}},
		{formats.BF16, []byte{0x7f, 0xff}, [][]byte{{0x80, 0x7f}, {0x80, 0xff}, {0xc0, 0x7f}}},
		{formats.F64, []byte{255, 255, 255, 255, 255, 255, 0xef, 0x7f}, [][]byte{{0, 0, 0, 0, 0, 0, 0xf0, 0x7f}, {0, 0, 0, 0, 0, 0, 0xf0, 0xff}, {1, 0, 0, 0, 0, 0, 0xf8, 0x7f}}},
	} {
		const n = 45
		for _, bad := range c.bad {
			src := bytes.Repeat(c.good, n)
			if got := NotFinite(c.t, src); got != -1 {
				t.Errorf("%s: value %d of finite ones", c.t, got)
			}
			for i := range n {
				src := bytes.Repeat(c.good, n)
				copy(src[i*len(bad):], bad)
				if got := NotFinite(c.t, src); got != i {
					t.Errorf("%s: value %d, want %d", c.t, got, i)
				}
			}
		}
	}
}
