package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/cpu"
)

// types are all types of weights.
var types = func() (list []formats.Type) {
	for _, info := range formats.Types() {
		if weightTypeOf(info.Type) != nil && notWeights[info.Type] == "" {
			list = append(list, info.Type)
		}
	}
	return list
}()

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func randomFloats(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// randomMatrix fills a matrix with random bytes; scales are normal numbers of both signs around 1/100.
func randomMatrix(rng *rand.Rand, t formats.Type, rows, cols int) Matrix {
	size, err := t.RowBytes(int64(cols))
	if err != nil {
		panic(err)
	}
	data := make([]byte, int(size)*rows)
	switch t {
	case formats.F32:
		for i := 0; i < len(data); i += 4 {
			binary.LittleEndian.PutUint32(data[i:], math.Float32bits(float32(rng.NormFloat64())))
		}
	case formats.F16:
		for i := 0; i < len(data); i += 2 {
			binary.LittleEndian.PutUint16(data[i:], block.F16(float32(rng.NormFloat64())))
		}
	case formats.BF16:
		for i := 0; i < len(data); i += 2 {
			binary.LittleEndian.PutUint16(data[i:], block.BF16(float32(rng.NormFloat64())))
		}
	default:
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		setHalves(t, data, func() float32 { return float32(rng.NormFloat64()) / 100 })
	}
	return Matrix{Type: t, Rows: rows, Cols: cols, Data: data}
}

// setHalves writes the 16-bit floats of every block.
func setHalves(t formats.Type, data []byte, value func() float32) {
	for i := 0; i < len(data); i += t.BlockBytes() {
		if t == formats.MXFP4 || t == formats.NVFP4 { // powers of two
			_, e := math.Frexp(float64(value()))
			if t == formats.MXFP4 {
				data[i] = byte(127 + e)
			} else {
				copy(data[i:], bytes.Repeat([]byte{byte(max(1, 7+e)) << 3}, 4))
			}
		}
		if t == formats.IQ1_M { // four bits in each of four words
			h := block.F16(value())
			for k := range 4 {
				data[i+49+2*k] = data[i+49+2*k]&15 | byte(h>>(4*k)&15)<<4
			}
		}
		for _, at := range block.Halves(t) {
			binary.LittleEndian.PutUint16(data[i+at:], block.F16(value()))
		}
	}
}

func loaded(t testing.TB, s *Set, typ formats.Type, x []float32, n, cols int) *Activations {
	t.Helper()
	form, err := FormOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	b := new(Activations)
	if err := s.Load(b, form, x, n, cols); err != nil {
		t.Fatal(err)
	}
	return b
}

// value is the activation that the batch stands for.
func (b *Activations) value(t, k int) float64 {
	if b.form.float() {
		return float64(b.f32[t*b.stride+k])
	}
	size := b.form.blockLen()
	return float64(b.d[t*(b.cols/size)+k/size]) * float64(b.codes[t*b.stride+k])
}

// TestMeaning compares generic with a product in float64 of the weights that block.Decode gives, first with the
// rounded activations (rounding errors of float32 only), then with the original ones (half a step of 8 bits).
func TestMeaning(t *testing.T) {
	for _, typ := range types {
		for _, cols := range []int{256, 1024} {
			t.Run(fmt.Sprint(typ, "/", cols), func(t *testing.T) {
				rng := random(uint64(cols) + uint64(typ))
				const rows, n = 5, 3
				w, x := randomMatrix(rng, typ, rows, cols), randomFloats(rng, n*cols)
				b := loaded(t, generic, typ, x, n, cols)
				dst := make([]float32, n*rows)
				if err := generic.MatMul(dst, rows, w, b, 0, rows, nil); err != nil {
					t.Fatal(err)
				}
				values := make([]float32, cols)
				for r := range rows {
					if err := block.Decode(typ, values, w.stored().at(r)); err != nil {
						t.Fatal(err)
					}
					for tok := range n {
						var exact, size, rounded, noise float64
						for k, v := range values {
							a := b.value(tok, k)
							exact += float64(v) * float64(x[tok*cols+k])
							rounded += float64(v) * a
							size += math.Abs(float64(v) * a)
							noise += math.Abs(float64(v)) * math.Abs(a-float64(x[tok*cols+k]))
						}
						bound := 1e-6 * size
						switch typ {
						case formats.Q4_1, formats.Q5_1: // s is d*sum rounded to 16 bits, d likewise
							bound += minsSize(b, tok, typ, w.stored().at(r)) / 1024
						case formats.Q2_K, formats.Q4_K, formats.Q5_K: // parts may be larger than their difference
							bound *= 8
						}
						got := float64(dst[tok*rows+r])
						if d := math.Abs(got - rounded); d > bound {
							t.Fatalf("row %d token %d: %g, not %g (off by %g, bound %g)", r, tok, got, rounded, d,
								bound)
						}
						if d := math.Abs(got - exact); d > noise+bound {
							t.Fatalf("row %d token %d: %g, not %g (off by %g, noise %g)", r, tok, got, exact, d, noise)
						}
					}
				}
			})
		}
	}
}

// TestExact multiplies activations that are not rounded with weights of every type.
func TestExact(t *testing.T) {
	for _, s := range Available() {
		for _, typ := range types {
			for _, n := range []int{1, 9} {
				const rows, cols = 19, 512
				rng := random(uint64(typ))
				w, x := randomMatrix(rng, typ, rows, cols), randomFloats(rng, n*cols)
				form, err := ExactFormOf(typ)
				if err != nil {
					t.Fatal(err)
				}
				var b Activations
				if err := s.Load(&b, form, x, n, cols); err != nil {
					t.Fatal(err)
				}
				got := multiplied(t, s, w, &b, 0, rows, nil)
				values := make([]float32, cols)
				for r := range rows {
					decode(t, w, r, values)
					for tok := range n {
						var want, size float64
						for k, v := range values {
							p := float64(v) * float64(x[tok*cols+k])
							want, size = want+p, size+math.Abs(p)
						}
						if d := math.Abs(float64(got[tok*rows+r]) - want); !(d <= 1e-6*size) {
							t.Fatalf("%s %s: token %d row %d: %g, not %g", s.Name, typ, tok, r, got[tok*rows+r], want)
						}
					}
				}
			}
		}
	}
}

// minsSize is sum |m*s| over a row's blocks of 32.
func minsSize(b *Activations, tok int, typ formats.Type, row []byte) (sum float64) {
	for i := range b.cols / 32 {
		m := block.FromF16(binary.LittleEndian.Uint16(row[i*typ.BlockBytes()+2:]))
		sum += math.Abs(float64(m * b.s[tok*(b.cols/32)+i]))
	}
	return sum
}

func TestLoadMeaning(t *testing.T) {
	x := make([]float32, 256)
	for i := range x {
		x[i] = float32(i%32) - 20 // -20 .. 11
	}
	b := loaded(t, generic, formats.Q4_K, x, 1, 256)
	if want := float32(20. / 127); math.Abs(float64(b.d[0]-want)) > 1e-8 {
		t.Errorf("Q8_K scale %g, not %g", b.d[0], want)
	}
	if b.codes[0] != -127 || b.codes[31] != 70 || b.codes[20] != 0 { // 11*6.35 = 69.85
		t.Errorf("Q8_K codes %d %d %d", b.codes[0], b.codes[31], b.codes[20])
	}
	x[0] = 30 // the first of the largest magnitude decides the sign: it becomes -127
	b = loaded(t, generic, formats.Q4_K, x, 1, 256)
	if b.codes[0] != -127 || b.d[0] >= 0 {
		t.Errorf("Q8_K of a positive maximum: code %d, scale %g", b.codes[0], b.d[0])
	}
	b = loaded(t, generic, formats.Q4_1, x, 1, 256)
	if want := block.FromF16(block.F16(30. / 127)); b.codes[0] != 127 || b.d[0] != want {
		t.Errorf("Q8_1: code %d, scale %g, not 127, %g", b.codes[0], b.d[0], want)
	}
	sum := 0
	for _, q := range b.codes[:32] {
		sum += int(q)
	}
	if want := block.FromF16(block.F16(float32(30./127) * float32(sum))); b.s[0] != want {
		t.Errorf("Q8_1: s %g, not %g", b.s[0], want)
	}
	b = loaded(t, generic, formats.Q4_K, make([]float32, 256), 1, 256)
	if b.d[0] != 0 || b.codes[9] != 0 {
		t.Errorf("zeros: scale %g, code %d", b.d[0], b.codes[9])
	}
}

func TestErrors(t *testing.T) {
	rng := random(1)
	w := randomMatrix(rng, formats.Q4_K, 8, 256)
	b := loaded(t, generic, formats.Q4_K, randomFloats(rng, 512), 2, 256)
	other := loaded(t, generic, formats.Q8_0, randomFloats(rng, 512), 2, 256)
	cut := w
	cut.Data = cut.Data[:len(cut.Data)-1]
	unknown := w
	unknown.Type = formats.F64
	dst := make([]float32, 16)
	for name, err := range map[string]error{
		"form":    generic.MatMul(dst, 8, w, other, 0, 8, nil),
		"data":    generic.MatMul(dst, 8, cut, b, 0, 8, nil),
		"type":    generic.MatMul(dst, 8, unknown, b, 0, 8, nil),
		"rows":    generic.MatMul(dst, 8, w, b, 0, 9, nil),
		"order":   generic.MatMul(dst, 8, w, b, 5, 4, nil),
		"stride":  generic.MatMul(dst, 7, w, b, 0, 8, nil),
		"dst":     generic.MatMul(dst[:15], 8, w, b, 0, 8, nil),
		"columns": generic.Load(new(Activations), FormQ8_K, dst, 1, 16),
		"short":   generic.Load(new(Activations), FormF32, dst, 2, 16),
		"tokens":  generic.LoadRows(b, make([]float32, 512), 1, 3),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := generic.MatMul(dst, 8, w, b, 3, 3, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func decode(t testing.TB, w Matrix, r int, values []float32) {
	t.Helper()
	if err := block.Decode(w.Type, values, w.stored().at(r)); err != nil {
		t.Fatal(err)
	}
}

func (w stored) at(r int) []byte { return w.row(r) }

func TestUse(t *testing.T) {
	for _, s := range Available() {
		t.Setenv(cpu.Env, s.Name)
		if got := Best(); got != s {
			t.Errorf("%s=%s chose %s", cpu.Env, s.Name, got.Name)
		}
	}
	if _, err := Use("sse9"); err == nil {
		t.Error("a set of an unknown name was found")
	}
	if s, err := Use("generic"); err != nil || s != generic {
		t.Errorf("generic: %v", err)
	}
	if s, err := Use(""); err != nil || s != Available()[len(Available())-1] {
		t.Errorf("the default: %v", err)
	}
}
