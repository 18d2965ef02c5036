package block

import (
	"encoding/binary"
	"math"
	"testing"

	"bitmill/formats"
)

// fromF16 is binary16 by its definition.
func fromF16(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * fraction * 0x1p-24
	case 31:
		if fraction == 0 {
			return sign * math.Inf(1)
		}
		return math.NaN()
	}
	return sign * (1 + fraction/1024) * math.Ldexp(1, exponent-15)
}

func TestF16RoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		x, want := FromF16(h), fromF16(h)
		if math.IsNaN(want) {
			if x == x || F16(x) != h&0x8000|0x7e00 {
				t.Fatalf("%#04x: NaN becomes %g and %#04x", h, x, F16(x))
			}
			continue
		}
		if float64(x) != want || math.Signbit(float64(x)) != (h>>15 == 1) {
			t.Fatalf("%#04x: %g, want %g", h, x, want)
		}
		if got := F16(x); got != h {
			t.Fatalf("%#04x comes back as %#04x", h, got)
		}
	}
}

// TestF16Rounding checks values between each two neighbours: just below the middle, the middle, just above.
func TestF16Rounding(t *testing.T) {
	for i := range 0x7c00 {
		low, high := uint16(i), uint16(i+1)
		next := fromF16(high)
		if high == 0x7c00 {
			next = 65536 // where the next finite value would be
		}
		middle := float32((fromF16(low) + next) / 2)
		even := low + low&1
		for _, tt := range []struct {
			x    float32
			want uint16
		}{
			{math.Nextafter32(middle, 0), low},
			{middle, even},
			{math.Nextafter32(middle, 1e9), high},
		} {
			if got := F16(tt.x); got != tt.want {
				t.Fatalf("F16(%g) = %#04x, want %#04x", tt.x, got, tt.want)
			}
			if got := F16(-tt.x); got != tt.want|0x8000 {
				t.Fatalf("F16(%g) = %#04x, want %#04x", -tt.x, got, tt.want|0x8000)
			}
		}
	}
	inf := float32(math.Inf(1))
	for _, x := range []float32{65520, 1e30, math.MaxFloat32, inf} {
		if F16(x) != 0x7c00 || F16(-x) != 0xfc00 {
			t.Errorf("F16(±%g) = %#04x, %#04x, want Inf", x, F16(x), F16(-x))
		}
	}
	if F16(1e-45) != 0 || F16(float32(math.Copysign(0, -1))) != 0x8000 {
		t.Error("tiny values or the sign of zero are lost")
	}
}

func TestBF16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		x := FromBF16(h)
		want := h
		if x != x {
			want |= 0x40 // quiet
		}
		if got := BF16(x); got != want {
			t.Fatalf("%#04x comes back as %#04x", h, got)
		}
	}
	for bits, want := range map[uint32]uint16{
		0x3f800000: 0x3f80, 0x3f807fff: 0x3f80, 0x3f808000: 0x3f80, 0x3f808001: 0x3f81, 0x3f818000: 0x3f82,
		0x7f7fffff: 0x7f80, 0xff7fffff: 0xff80, 0x7f800001: 0x7fc0, 0xff800001: 0xffc0, 0x00008001: 0x0001,
	} {
		if got := BF16(math.Float32frombits(bits)); got != want {
			t.Errorf("BF16(bits %#08x) = %#04x, want %#04x", bits, got, want)
		}
	}
}

// TestDecodeF16 compares runs of four numbers, of which any may be special, with single ones.
func TestDecodeF16(t *testing.T) {
	var src []byte
	for i := range 1 << 16 {
		for k := range 5 {
			src = binary.LittleEndian.AppendUint16(src, uint16(i*(4*k+1)))
		}
	}
	dst := make([]float32, len(src)/2)
	if err := Decode(formats.F16, dst, src); err != nil {
		t.Fatal(err)
	}
	for i, got := range dst {
		h := binary.LittleEndian.Uint16(src[2*i:])
		if want := FromF16(h); math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("value %d, %#04x: %x, want %x", i, h, math.Float32bits(got), math.Float32bits(want))
		}
	}
}
