package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"bitmill/formats"
)

// TestReference decodes 64 blocks of pseudo-random bytes per type: SHA-256 of "NAME 0", "NAME 1" ... one after the
// other, with bit 14 of each 16-bit float cleared so that none is NaN or large. The hashes are of the float32 values
// that gguf-py's dequantize and ggml's to_float (llama.cpp, 2026) both give for these bytes (Q1_0, Q2_0 and Q8_K: ggml
// alone).
func TestReference(t *testing.T) {
	want := map[formats.Type]string{
		formats.F16:     "c8de15e45405e7ada23a23d2749307ad60ed22696e4153775e3994d46f9f9f10",
		formats.BF16:    "ee9d3d8f54395c98e51f279a482fc419be738982d6ac056ffe2e811ddc75b880",
		formats.Q4_0:    "daacdb3426dfd246e51bf87d6b6a843ad035cde4761488c6a5210600181b597e",
		formats.Q4_1:    "5437a0d2121f43b86d62543a109a8af3cbf7766cca3b1df31b9b097ad9f27fb8",
		formats.Q5_0:    "5ef2f60d6dee8ef1cc9977456fe52e407f26cdee6e6375c3f7585f7d33842b69",
		formats.Q5_1:    "07e1775ec7f3e66641d3a7874e15a84e71fcac60ccbd61d0c036ba766481f5a5",
		formats.Q8_0:    "d8e5e6a4e520811ca55c87f2f9ab4987a61f8e5c420234dd6c782d4834403c76",
		formats.Q2_K:    "0ac6d81aedbcedebe57d3090f64d26591137bb01ffa0d8b742dd5ce2bdbd8798",
		formats.Q3_K:    "d79653b0a1251ec0ced08181c035430a2bc3b003206819c17c4a58c0761ff1c0",
		formats.Q4_K:    "4db0b6674e598f7f4457a151f0c035ff0b370c440237ea7db7949d09fd672c49",
		formats.Q5_K:    "5b0aa17d73cc3d8b75e9ea77b842397c3bd3cdfe9d0f28b25d7547c945f0a3ce",
		formats.Q6_K:    "035a9755d496a433a4a6154b2bd9a310bce01ad63999e9a4f189cd7ea33c0574",
		formats.Q1_0:    "e68b5977b965144d72e64be9c61b2cd8d3d0b397e6a3a6d8884d1b0598683af4",
		formats.Q2_0:    "4f9952ac40024474844e472d5e818bb4f71b8565a86314a8513bbac0acb3c678",
		formats.MXFP4:   "d3f93318a8c0a47c2dff8cca200faffc17629b5e0eedc182322c6cbc0016d484",
		formats.NVFP4:   "6ff6313b9beb9a60999524064a108f138559abbbb53e921c4540628ef2999ce9",
		formats.TQ1_0:   "7d6388d8793c2ee3eaa36721142a649f7067a89ea7a546da5943655355d0fe6c",
		formats.TQ2_0:   "36fad20e2740a4b0ebf3c5234770a02e214062a5919419af140e071714fe344e",
		formats.IQ4_NL:  "43c9be665121a0c4b7b9362a5de853cd6a0f54b9168a51aadf3c7d2c830df5b3",
		formats.IQ4_XS:  "13fe14b9aa742d67676a57b30755794f7e7cd2cff5f635b05654c9f57f0df198",
		formats.IQ2_XXS: "6c84fcd4884eb2101005bcb58e08178ebecede7ae53ff1edd5d20a99ad11d24c",
		formats.IQ2_XS:  "5f4eb194a9ae31a4383a4fd4bfe9d8bf05a52c07d2e1078134b73bc0c3cdd165",
		formats.IQ2_S:   "3637c879c3d4cc173981f11eb0090b5f0d7d6d8a4378be7d17d9cd4d2f78f256",
		formats.IQ3_XXS: "a2160676d1ae94128ae996a93028614c279e183c0000c2f1c5a6f0c35ce18148",
		formats.IQ3_S:   "d26ffbbc221d38ca595ae310b0fa2fccbcdace3eb5564c3fede877299d29edd3",
		formats.IQ1_S:   "4b977f61475b4e62019519edb2422924bab3b41612109db86cefbc7d3f950ecc",
		formats.IQ1_M:   "263807effc4ca444c5eb99f254480526bd77a301852adcabaa15fe78f7fd3116",
		formats.Q8_K:    "0b5016cf57b9c422d7559781b2a1785a779bde3bdbbe68d4914d8c716028165c",
	}
	for _, d := range decoders {
		typ := d.typ
		if typ == formats.F32 || typ == formats.Q8_1 {
			continue // TestFloat32, TestLayout
		}
		const blocks = 64
		size := typ.BlockBytes()
		var src []byte
		for i := 0; len(src) < blocks*size; i++ {
			h := sha256.Sum256(fmt.Appendf(nil, "%s %d", typ, i))
			src = append(src, h[:]...)
		}
		src = src[:blocks*size]
		floats := halves[typ]
		switch typ {
		case formats.BF16:
			floats = []int{0}
		case formats.Q8_K:
			floats = []int{2} // the upper half of a float32
		case formats.IQ1_M:
			floats = []int{54} // d's upper bits
		}
		for at := 0; at < len(src); at += size {
			for _, h := range floats {
				src[at+h+1] &= 0xbf
			}
		}
		dst := make([]float32, blocks*typ.BlockLen())
		if err := Decode(typ, dst, src); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := binary.Write(&out, binary.LittleEndian, dst); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(out.Bytes())); got != want[typ] {
			t.Errorf("%s: values differ from ggml's (first %v)", typ, dst[:4])
		}
	}
}

func TestFloat32(t *testing.T) {
	want := []float32{0, 1, -2.5, float32(math.Inf(1)), math.SmallestNonzeroFloat32}
	src, err := binary.Append(nil, binary.LittleEndian, want)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(want))
	if err := Decode(formats.F32, got, src); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d: %g, want %g", i, got[i], want[i])
		}
	}
}

// TestLayout sets the fields of single values by hand, as the drawings say, in a block of zeros with d = 0.5 and
// dmin (or m) = 0.25.
func TestLayout(t *testing.T) {
	type set map[int]byte // byte offset: value
	for _, tt := range []struct {
		typ   formats.Type
		set   set
		index int
		want  float32
	}{
		{formats.Q8_0, set{2 + 7: 0xfd}, 7, -3 * 0.5},
		{formats.Q4_0, set{2 + 5: 0x0b}, 5, (11 - 8) * 0.5},
		{formats.Q4_0, set{2 + 5: 0xb0}, 5 + 16, (11 - 8) * 0.5},
		{formats.Q4_1, set{4 + 5: 0xb0}, 5 + 16, 11*0.5 + 0.25},
		{formats.Q5_0, set{6 + 5: 0x0b, 2: 1 << 5}, 5, (11 + 16 - 16) * 0.5},
		{formats.Q5_0, set{6 + 5: 0xb0, 4: 1 << 5}, 5 + 16, (11 + 16 - 16) * 0.5},
		{formats.Q5_1, set{8 + 5: 0xb0, 6: 1 << 5}, 5 + 16, (11+16)*0.5 + 0.25},
		// value 150 = 128 + 22 is in sub-block 9 (16..31 of the second half): level byte 32 + 22, bits 0 and 1.
		{formats.Q2_K, set{9: 0x73, 16 + 32 + 22: 2}, 150, 3*0.5*2 - 7*0.25},
		// value 255 is in sub-block 15: level byte 63, bits 6 and 7.
		{formats.Q2_K, set{15: 0xf1, 16 + 63: 0xc0}, 255, 1*0.5*3 - 15*0.25},
		// sub-block 9: low scale bits in the high half of byte 1, top bits in byte 8 + 9%4, bits 4 and 5. Scale 37 - 32.
		{formats.Q3_K, set{96 + 1: 0x50, 96 + 9: 2 << 4, 32 + 32 + 22: 2, 22: 1 << 4}, 150, 5 * 0.5 * 2},
		{formats.Q3_K, set{96 + 1: 0x50, 96 + 9: 2 << 4, 32 + 32 + 22: 2}, 150, 5 * 0.5 * (2 - 4)},
		// sub-block 2 (value 70): s in byte 2, t in byte 6, level in the low half of byte 32 + 6.
		{formats.Q4_K, set{4 + 2: 45, 4 + 6: 33, 16 + 32 + 6: 0x09}, 70, 45*0.5*9 - 33*0.25},
		// sub-block 7 (value 230): s = 37 = 2*16 + 5, t = 58 = 3*16 + 10, level in the high half of byte 96 + 6.
		{formats.Q4_K, set{4 + 11: 0xa5, 4 + 3: 2 << 6, 4 + 7: 3 << 6, 16 + 96 + 6: 0x90}, 230, 37*0.5*9 - 58*0.25},
		{formats.Q5_K, set{4 + 11: 0xa5, 4 + 3: 2 << 6, 4 + 7: 3 << 6, 48 + 96 + 6: 0x90, 16 + 6: 1 << 7}, 230, 37*0.5*25 - 58*0.25},
		// value 128 + 64 + 20 is in sub-block 13: low part in the high half of byte 64 + 20, upper bits 4 and 5 of byte 32 + 20.
		{formats.Q6_K, set{192 + 13: 0xf6, 64 + 20: 0x70, 128 + 32 + 20: 3 << 4}, 212, -10 * 0.5 * (3*16 + 7 - 32)},
		{formats.Q6_K, set{192 + 2: 4, 32: 0x07, 128: 1 << 2}, 32, 4 * 0.5 * (16 + 7 - 32)},
		{formats.Q8_1, set{4 + 7: 0xfd}, 7, -3 * 0.5},
		{formats.Q1_0, set{2 + 9: 1 << 3}, 75, 0.5},
		{formats.Q1_0, set{2 + 9: 1 << 3}, 76, -0.5},
		{formats.Q2_0, set{2 + 9: 2 << 4}, 38, 0.5},
		{formats.Q2_0, set{2 + 9: 3 << 4}, 38, 1},
		{formats.MXFP4, set{0: 130, 1 + 5: 0xf0}, 21, -12 * 4},
		{formats.MXFP4, set{0: 1, 1 + 5: 0x05}, 5, 6 * 0x1p-127},
		{formats.NVFP4, set{2: 8<<3 | 4, 4 + 2*8 + 3: 0xd0}, 32 + 3 + 8, -6 * 1.5},
		{formats.NVFP4, set{2: 3, 4 + 2*8 + 3: 0x01}, 32 + 3, 3 * 0x1p-10},
		// value 160 + 5 + 2*16: third trit of byte 37. Trits 0 0 2 0 0 are 2/27, times 256 rounded up.
		{formats.TQ1_0, set{32 + 5: 19}, 197, 0.5},
		{formats.TQ1_0, set{48 + 2: 0}, 242, -0.5},
		{formats.TQ2_0, set{32 + 7: 2 << 6}, 128 + 96 + 7, 0.5},
		{formats.IQ4_NL, set{2 + 5: 0xb0}, 5 + 16, 38 * 0.5},
		// sub-block 5: s = 37 = 2*16 + 5 in the high half of byte 4 + 2 and bits 10 and 11 of the word at 2.
		{formats.IQ4_XS, set{4 + 2: 0x50, 3: 2 << 2, 8 + 5*16 + 7: 0x0c}, 5*32 + 7, (37 - 32) * 0.5 * 53},
		// entry 0 is all lowest levels; signs 1000000 and, to make them even, 1 for the eighth.
		{formats.IQ2_XXS, set{2 + 3*8 + 7: 7 << 4, 2 + 3*8 + 6: 1 << 4}, 3*32 + 2*8 + 6, -(7 + 0.5) / 8 * 8},
		{formats.IQ2_XXS, set{2 + 3*8 + 7: 7 << 4, 2 + 3*8 + 6: 1 << 4}, 3*32 + 2*8 + 7, -(7 + 0.5) / 8 * 8},
		{formats.IQ2_XS, set{66 + 4: 0x70, 2 + 2*18 + 1: 2}, 144, -(7 + 0.5) / 8 * 8},
		{formats.IQ2_S, set{74 + 4: 0x70, 34 + 18: 1}, 144, -(7 + 0.5) / 8 * 8},
		{formats.IQ3_XXS, set{66 + 5*4 + 3: 7 << 4, 66 + 5*4: 1 << 4}, 5*32 + 4, -(7 + 0.5) / 4 * 4},
		{formats.IQ3_S, set{106 + 2: 0x70, 74 + 5*4 + 1: 1 << 4}, 5*32 + 8 + 4, -15 * 0.5},
		{formats.IQ1_S, set{34 + 3*2 + 1: 0x70}, 3*32 + 2, 15 * 0.5 * (-1 + 0.125)},
		{formats.IQ1_S, set{34 + 3*2 + 1: 0xf0}, 3*32 + 2, 15 * 0.5 * (-1 - 0.125)},
		// d = 0.5 = 0x3800; sub-block 9 has s in bits 3..5 of word 2; byte 18 of l, low half of byte 32 + 9.
		{formats.IQ1_M, set{55: 0x30, 53: 0x80, 52: 7 << 3, 32 + 9: 8}, 144, 15 * 0.5 * (-1 - 0.125)},
	} {
		src, dst := make([]byte, tt.typ.BlockBytes()), make([]float32, tt.typ.BlockLen())
		for i, at := range halves[tt.typ] {
			binary.LittleEndian.PutUint16(src[at:], F16(0.5/float32(i+1)))
		}
		for at, v := range tt.set {
			src[at] = v
		}
		if err := Decode(tt.typ, dst, src); err != nil {
			t.Fatal(err)
		}
		if dst[tt.index] != tt.want {
			t.Errorf("%s value %d: %g, want %g", tt.typ, tt.index, dst[tt.index], tt.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct {
		name        string
		typ         formats.Type
		values      int
		bytes       int
		unsupported bool
	}{
		{"short", formats.Q4_K, 256, 143, false},
		{"long", formats.Q4_K, 256, 145, false},
		{"half a block", formats.Q8_0, 16, 17, true},
		{"float64", formats.F64, 1, 8, true},
		{"integers", formats.I32, 1, 4, true},
		{"unknown", formats.Type(99), 1, 1, true},
	} {
		err := Decode(tt.typ, make([]float32, tt.values), make([]byte, tt.bytes))
		if err == nil || errors.Is(err, formats.ErrUnsupported) != tt.unsupported {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	if err := Decode(formats.Q6_K, nil, nil); err != nil {
		t.Errorf("nothing to decode: %v", err)
	}
}

// FuzzDecode decodes any bytes: no panic, and neighbouring blocks do not matter.
func FuzzDecode(f *testing.F) {
	for i := range decoders {
		f.Add(uint8(i), bytes.Repeat([]byte{0xff, 0x7f, 0x00, 0x91}, 128))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		typ := decoders[int(which)%len(decoders)].typ
		size, n := typ.BlockBytes(), typ.BlockLen()
		blocks := len(data) / size
		all, one := make([]float32, blocks*n), make([]float32, n)
		if err := Decode(typ, all, data[:blocks*size]); err != nil {
			t.Fatal(err)
		}
		for b := range blocks {
			if err := Decode(typ, one, data[b*size:(b+1)*size]); err != nil {
				t.Fatal(err)
			}
			for i, v := range one {
				if math.Float32bits(v) != math.Float32bits(all[b*n+i]) {
					t.Fatalf("%s: value %d of block %d depends on other blocks", typ, i, b)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for i := range decoders {
		typ := decoders[i].typ
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]float32, 4096)
			size, _ := typ.RowBytes(4096)
			src := make([]byte, size)
			for b.Loop() {
				if err := Decode(typ, dst, src); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mweights/s")
		})
	}
}
