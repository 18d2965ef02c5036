package bpw

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"bitmill/formats"
)

func tensor(name string, typ formats.Type, shape ...int64) formats.Tensor {
	return formats.Tensor{Name: name, Type: typ, Shape: shape}
}

func TestOf(t *testing.T) {
	s, err := Of([]formats.Tensor{
		tensor("embd", formats.Q6_K, 256, 10),      // 10*210 bytes
		tensor("norm", formats.F32, 256),           // 256*4
		tensor("experts", formats.Q2_K, 256, 3, 2), // 6*84
		tensor("column", formats.F16, 8, 1, 1),     // 16: a vector to GGUF
		tensor("row of scalars", formats.F16, 1, 8),
		tensor("scalar", formats.F32),
		tensor("empty", formats.F32, 0, 4),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Summary{
		All:      Count{8 * (2100 + 1024 + 504 + 16 + 16 + 4), 2560 + 256 + 1536 + 8 + 8 + 1},
		Matrices: Count{8 * (2100 + 504 + 16), 2560 + 1536 + 8},
	}
	if s != want {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestPublished: Llama-3.1-8B's tensor bytes and elements, and the figures that llama.cpp's quantize README prints.
func TestPublished(t *testing.T) {
	for want, bytes := range map[string]int64{
		"3.1593": 3171295488, "3.6429": 3656663296, "3.9960": 4011081984, "4.2979": 4314120448,
		"4.8944": 4912898304, "5.7036": 5725151488, "6.5633": 6588170496, "8.5008": 8532934912,
	} {
		if got := (Count{bytes * 8, 8030261312}).String(); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
}

func TestString(t *testing.T) {
	const top = math.MaxInt64
	for _, c := range []struct {
		c    Count
		want string
	}{
		{Count{0, 0}, "-"}, {Count{8, 0}, "-"}, {Count{0, 8}, "0.0000"}, {Count{9, 2}, "4.5000"},
		{Count{1, 20000}, "0.0001"}, {Count{1, 20001}, "0.0000"}, {Count{3, 20000}, "0.0002"}, {Count{5, 20000}, "0.0003"},
		{Count{19999, 20000}, "1.0000"}, {Count{99994, 100000}, "0.9999"}, {Count{99995, 100000}, "1.0000"},
		{Count{top, 1}, "9223372036854775807.0000"}, {Count{top, top}, "1.0000"}, {Count{top - 1, top}, "1.0000"},
		{Count{1, top}, "0.0000"}, {Count{top / 2, top}, "0.5000"}, {Count{top, 3}, "3074457345618258602.3333"},
	} {
		if got := c.c.String(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.c, got, c.want)
		}
	}
	// big.Rat rounds halves away from zero too.
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		c := Count{r.Int64() >> r.IntN(63), 1 + r.Int64()>>r.IntN(63)}
		if want := big.NewRat(c.Bits, c.Weights).FloatString(4); c.String() != want {
			t.Fatalf("%+v: %s, want %s", c, c, want)
		}
	}
}

func TestCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a := Count{r.Int64() >> r.IntN(63), 1 + r.Int64()>>r.IntN(63)}
		b := Count{r.Int64() >> r.IntN(63), 1 + r.Int64()>>r.IntN(63)}
		if want := big.NewRat(a.Bits, a.Weights).Cmp(big.NewRat(b.Bits, b.Weights)); a.Compare(b) != want {
			t.Fatalf("%+v against %+v: %d, want %d", a, b, a.Compare(b), want)
		}
	}
	// Equal as float64, different all the same.
	a, b := Count{math.MaxInt64, math.MaxInt64 - 1}, Count{math.MaxInt64 - 1, math.MaxInt64 - 2}
	if a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 || a.Float() != b.Float() {
		t.Error("near ties")
	}
	if !math.IsNaN((Count{}).Float()) || (Count{9, 2}).Float() != 4.5 {
		t.Error("Float")
	}
}

func TestErrors(t *testing.T) {
	huge := tensor("huge", formats.F64, 1<<56, 1) // 2^62 bits
	for _, c := range []struct {
		tensors []formats.Tensor
		is      error
		says    string
	}{
		{[]formats.Tensor{tensor("x", 99, 1)}, formats.ErrUnsupported, "tensor x"},
		{[]formats.Tensor{tensor("x", formats.Q4_K, 100)}, formats.ErrUnsupported, "tensor x"},
		{[]formats.Tensor{tensor("x", formats.F32, -1)}, formats.ErrCorrupt, "tensor x"},
		{[]formats.Tensor{tensor("x", formats.F32, 1<<40, 1<<40)}, formats.ErrCorrupt, "tensor x"},
		{[]formats.Tensor{tensor("x", formats.F64, 1<<58)}, formats.ErrUnsupported, "more bits than can be counted"},
		{[]formats.Tensor{huge, tensor("y", formats.F64, 1<<56)}, formats.ErrUnsupported, "tensor y"},
	} {
		if _, err := Of(c.tensors); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v; want an error that says %q", c.tensors, err, c.says)
		}
	}
	if s, err := Of([]formats.Tensor{huge}); err != nil || s.All.Bits != 1<<62 {
		t.Errorf("%+v, %v", s, err)
	}
}
